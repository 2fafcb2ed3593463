#pragma once

namespace perennial::value {

// Gauss's hypergeometric function 2F1(a, b; c; z) for positive c and 0 <= z < 1, to about 1e-10 (Boost.Math). Not a number where
// it cannot be told.
double Hypergeometric2F1(double a, double b, double c, double z);

}  // namespace perennial::value
