#pragma once

namespace perennial::value {

// Gauss's hypergeometric function 2F1(a, b; c; z) for positive a, b, c and 0 <= z < 1, to about 1e-12 (Boost.Math).
// Close to z = 1 it takes up to a million terms; not a number when these do not suffice.
double Hypergeometric2F1(double a, double b, double c, double z);

}  // namespace perennial::value
