#pragma once

#include <protobuf-c/protobuf-c.h>

// Made from proto/ by hack/generate-proto.
#include "nri.pb-c.h"
#include "status.pb-c.h"
#include "ttrpc.pb-c.h"
