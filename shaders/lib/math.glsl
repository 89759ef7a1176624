// Functions the built-in ones are too loose for: GLSL allows tanh and exp errors that training shows.
// Invariant: no cancellation near 0, limits reached without overflow.

vec4 volute_expm1(vec4 x) {
  // Taylor series to x^8 below 1/2 (error < 1e-8), exp(x) - 1 beyond.
  vec4 s = x * (1.0 + x * (1.0 / 2.0) * (1.0 + x * (1.0 / 3.0) * (1.0 + x * (1.0 / 4.0) * (1.0 + x * (1.0 / 5.0) *
           (1.0 + x * (1.0 / 6.0) * (1.0 + x * (1.0 / 7.0) * (1.0 + x * (1.0 / 8.0))))))));
  return mix(exp(x) - 1.0, s, lessThan(abs(x), vec4(0.5)));
}

vec4 volute_sigmoid(vec4 x) {
  vec4 e = exp(-abs(x));
  return mix(e, vec4(1.0), greaterThanEqual(x, vec4(0.0))) / (1.0 + e);
}

vec4 volute_tanh(vec4 x) {
  // tanh x = (1 - e) / (1 + e), e = exp(-2|x|); an odd Taylor polynomial below 1/4 (error < 2e-8).
  vec4 e = exp(-2.0 * abs(x));
  vec4 far = (1.0 - e) / (1.0 + e);
  vec4 q = x * x;
  vec4 near = x * (1.0 + q * (-1.0 / 3.0 + q * (2.0 / 15.0 + q * (-17.0 / 315.0 + q * (62.0 / 2835.0)))));
  return mix(sign(x) * far, near, lessThan(abs(x), vec4(0.25)));
}
