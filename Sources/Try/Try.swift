// Try
