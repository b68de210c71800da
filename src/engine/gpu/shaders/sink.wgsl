// The log-sum-exp of a row from its largest score and its sum over e^(s - largest), the sink among the terms; and the factor that turns
// e^(s - largest) into weights. Both for a row with something allowed.
fn with_sink(largest: f32, sum: f32, h: i32) -> vec2<f32> {
    var top = largest;
    var total = sum;
    if (SINK) {
        let sink = bitcast<f32>(words[job.sinks + u32(h)]);
        top = max(largest, sink);
        total = sum * exp(largest - top) + exp(sink - top);
    }
    return vec2<f32>(top + log(total), exp(largest - top) / total);
}
