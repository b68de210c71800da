
// Put together by threads that run side by side: the numbers of the sixteen threads of a row, for each of a thread's rows. LANES threads that follow
// each other are in one subgroup whatever its size is; where a row has more than those, the rest goes through workgroup memory.

fn plus(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return a + b;
}
