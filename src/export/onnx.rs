//! ONNX: a model of one node, Attention of operator set 25, run by ONNX's own reference.

use super::torch::matrix;
use super::{Made, Subject, script};

/// The operator set whose Attention is written.
const OPSET: u32 = 25;

/// The script.
pub fn code(subject: &Subject, made: &Made) -> String {
    let mut text = script::head(subject, "numpy onnx");
    text.push_str("import numpy as np\nimport onnx\nfrom onnx import TensorProto, helper\nfrom onnx.reference import ReferenceEvaluator\n\n");
    text.push_str(&script::inputs(subject, made));
    let added = matrix(made, &mut text);
    let mut names = vec!["\"Q\"", "\"K\"", "\"V\""];
    let mut attributes = format!("scale={:?}", made.plan.scale);
    if let Some(cap) = made.plan.softcap {
        attributes.push_str(&format!(", softcap={cap:?}"));
    }
    text.push_str("\nfeeds = {\"Q\": Q, \"K\": K, \"V\": V}\n");
    if let Some(added) = added {
        names.push("\"attn_mask\"");
        text.push_str(&format!("feeds[\"attn_mask\"] = {added}\n"));
    }
    let names = names.join(", ");
    text.push_str(&format!(
        "
def tensor(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)

node = helper.make_node(\"Attention\", [{names}], [\"Y\"], {attributes})
output = helper.make_tensor_value_info(\"Y\", TensorProto.FLOAT, [1, q_heads, n_q, d_v])
graph = helper.make_graph([node], \"attention\", [tensor(*feed) for feed in feeds.items()], [output])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid(\"\", {OPSET})])
onnx.checker.check_model(model)
# onnx.save(model, \"attention.onnx\")
y = ReferenceEvaluator(model).run(None, feeds)[0]
"
    ));
    text.push_str(&script::result(subject));
    text
}
