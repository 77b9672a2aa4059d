// Answers with a line of its own, and at /user with that of a program.
const http = require('http');
const { execFile } = require('child_process');

const server = http.createServer((request, response) => {
  if (request.url !== '/user') return response.end('node\n');
  execFile('/usr/bin/id', ['-un'], (error, output) => {
    response.statusCode = error ? 500 : 200;
    response.end(output);
  });
});
server.listen(8080, '0.0.0.0');
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
