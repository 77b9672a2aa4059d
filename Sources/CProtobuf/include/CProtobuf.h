#pragma once

#include <protobuf-c/protobuf-c.h>

// Made from proto/ by hack/generate-proto.
#include "control/v1alpha1/control.pb-c.h"
#include "descriptor.pb-c.h"
#include "descriptors.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "nri.pb-c.h"
#include "status.pb-c.h"
#include "ttrpc.pb-c.h"
