// Everything a training program needs in one include.
#pragma once

#include <volute/data.hpp>
#include <volute/device.hpp>
#include <volute/graph.hpp>
#include <volute/io.hpp>
#include <volute/layers.hpp>
#include <volute/nn.hpp>
#include <volute/ops.hpp>
#include <volute/optim.hpp>
