/* The library of a device, which the runtime brings into the container. */
int answer(void)
{
	return 42;
}
