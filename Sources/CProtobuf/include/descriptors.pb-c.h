/* A FileDescriptorSet of the services that are served. */
#pragma once

const unsigned char *stockade_descriptors(unsigned long *size);
