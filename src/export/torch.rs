//! PyTorch: `scaled_dot_product_attention` with everything that is added or masked in one matrix, and FlexAttention with functions of positions.

use super::formulas::{Formulas, lone_mask, lone_score};
use super::{Made, Subject, array, script};
use crate::attention::Normaliser;
use crate::formula::python::Arrays;

/// The line that makes tensors of the arrays.
const TENSORS: &str = "Q, K, V = (torch.from_numpy(np.ascontiguousarray(x)) for x in (Q, K, V))\n";

/// With `scaled_dot_product_attention`.
pub fn sdpa(subject: &Subject, made: &Made) -> String {
    let mut text = script::head(subject, "numpy torch");
    text.push_str("import numpy as np\nimport torch\nimport torch.nn.functional as F\n\n");
    text.push_str(&script::inputs(subject, made));
    let causal = causal(made);
    let added = if causal { None } else { matrix(made, &mut text) };
    text.push_str(&format!("\n{TENSORS}"));
    let mut arguments = String::new();
    match (causal, added) {
        (true, _) => arguments.push_str(", is_causal=True"),
        (false, Some(name)) => arguments.push_str(&format!(", attn_mask=torch.from_numpy({name})")),
        (false, None) => {}
    }
    arguments.push_str(&format!(", scale={:?}", made.plan.scale));
    if made.plan.dims.q_heads != made.plan.dims.kv_heads {
        arguments.push_str(", enable_gqa=True");
    }
    text.push_str(&format!("y = F.scaled_dot_product_attention(Q, K, V{arguments}).numpy()\n"));
    if let (false, Some(name)) = (causal, added) {
        let seen = if name == "allowed" { "allowed" } else { "np.isfinite(bias)" };
        text.push_str(&format!(
            "y = np.where({seen}.any(-1)[..., None], y, 0)  # a query that may look at nothing gives 0, not NaN\n"
        ));
    }
    text.push_str(&script::result(subject));
    text
}

/// Whether the mask is the one that `is_causal` says, and nothing is added.
fn causal(made: &Made) -> bool {
    let plan = &made.plan;
    let none = plan.bias.is_empty() && plan.bias_before_cap.is_empty();
    none && lone_mask(plan) && plan.offset_of(0) == 0 && plan.masks[0].formula().to_string() == "k <= q_pos"
}

/// Lines that make `allowed` and, where something is added to the scores, `bias`; the name of what is to be given. Nothing where all is allowed and
/// nothing added.
pub fn matrix(made: &Made, text: &mut String) -> Option<&'static str> {
    let plan = &made.plan;
    let formulas = Formulas::new(plan, Arrays::Numpy);
    let adds = !(formulas.bias.is_empty() && formulas.before_cap.is_empty());
    if !adds && !plan.masked() {
        return None;
    }
    text.push_str(&formulas.definitions());
    text.push_str("\nb, h, q, k = (x.astype(np.int32) for x in np.ogrid[:1, :q_heads, :n_q, :n_k])\nshape = 1, q_heads, n_q, n_k\n");
    if plan.masked() {
        text.push_str("allowed = np.ones(shape, bool)\n");
        for mask in &formulas.masks {
            text.push_str(&format!("allowed = allowed & {}\n", mask.call("")));
        }
        text.push_str(&array::painted(made, Arrays::Numpy));
    }
    if adds {
        text.push_str("bias = np.zeros(shape, np.float32)  # what the formulas add to the scores\n");
        for score in formulas.before_cap.iter().chain(&formulas.bias) {
            text.push_str(&format!("bias = {}.astype(np.float32)\n", score.call("bias")));
        }
        if plan.masked() {
            text.push_str("bias = np.where(allowed, bias, np.float32(-np.inf))\n");
        }
    }
    Some(if adds { "bias" } else { "allowed" })
}

/// With FlexAttention.
pub fn flex(subject: &Subject, made: &Made) -> String {
    let plan = &made.plan;
    let mut text = script::head(subject, "numpy torch");
    let formulas = Formulas::new(plan, Arrays::Torch);
    let definitions = formulas.definitions();
    if definitions.contains("math.") {
        text.push_str("import math\n\n");
    }
    // What has a logit beside the scores needs the log-sum-exp.
    let beside = plan.sink.is_some() || plan.normaliser == Normaliser::OffByOne;
    let names =
        if beside { "AuxRequest, create_block_mask, flex_attention" } else { "create_block_mask, flex_attention" };
    text.push_str(&format!(
        "import numpy as np\nimport torch\nfrom torch.nn.attention.flex_attention import {names}\n\n"
    ));
    text.push_str(&script::inputs(subject, made));
    text.push_str(&definitions);
    let mut arguments = String::new();
    if !plan.scores_plain() {
        if !lone_score(plan) {
            text.push_str("\ndef score_mod(s, b, h, q, k):\n");
            for score in &formulas.before_cap {
                text.push_str(&format!("    s = {}\n", score.call("s")));
            }
            if let Some(cap) = plan.softcap {
                text.push_str(&format!("    s = {cap:?} * torch.tanh(s / {cap:?})\n"));
            }
            for score in &formulas.bias {
                text.push_str(&format!("    s = {}\n", score.call("s")));
            }
            text.push_str("    return s\n");
        }
        arguments.push_str(", score_mod=score_mod");
    }
    if plan.masked() {
        if !lone_mask(plan) {
            text.push_str(&mask_mod(made, &formulas));
        }
        arguments.push_str(", block_mask=block_mask");
    }
    text.push_str(&format!("\n{TENSORS}"));
    if plan.masked() {
        text.push_str(
            "block_mask = create_block_mask(mask_mod, B=1, H=q_heads, Q_LEN=n_q, KV_LEN=n_k, device=Q.device)\n",
        );
    }
    arguments.push_str(&format!(", scale={:?}", plan.scale));
    if plan.dims.q_heads != plan.dims.kv_heads {
        arguments.push_str(", enable_gqa=True");
    }
    text.push_str("# On a GPU: flex_attention = torch.compile(flex_attention), and inputs moved there\n");
    if plan.sink.is_some() {
        text.push_str(&format!("y, aux = flex_attention(Q, K, V{arguments}, return_aux=AuxRequest(lse=True))\n"));
        text.push_str(&format!(
            "sink = torch.from_numpy({})[:, None]  # one logit a head, without a value\n",
            array::sinks(plan)
        ));
        text.push_str(
            "y = y * torch.nan_to_num(torch.sigmoid(aux.lse - sink))[..., None]  # e^lse / (e^sink + e^lse)\n",
        );
    } else if plan.normaliser == Normaliser::OffByOne {
        text.push_str(&format!("y, aux = flex_attention(Q, K, V{arguments}, return_aux=AuxRequest(lse=True))\n"));
        text.push_str(
            "y = y * torch.sigmoid(aux.lse)[..., None]  # one more in the softmax's denominator: e^lse / (1 + e^lse)\n",
        );
    } else {
        text.push_str(&format!("y = flex_attention(Q, K, V{arguments})\n"));
    }
    text.push_str("y = y.numpy()\n");
    text.push_str(&script::result(subject));
    text
}

/// One function of several masks and of what was switched by hand.
fn mask_mod(made: &Made, formulas: &Formulas) -> String {
    let mut text = String::from("\ndef mask_mod(b, h, q, k):\n");
    let mut line = |words: String| text.push_str(&format!("    {words}\n"));
    let calls: Vec<String> = formulas.masks.iter().map(|mask| mask.call("")).collect();
    line(format!("allowed = {}", if calls.is_empty() { "k >= 0".to_owned() } else { calls.join(" & ") }));
    for patch in &made.plan.paint {
        let ([q0, q1], [k0, k1]) = (patch.q, patch.k);
        let head = patch.head.map_or(String::new(), |head| format!("(h == {head}) & "));
        line(format!("inside = {head}(q >= {q0}) & (q < {q1}) & (k >= {k0}) & (k < {k1})"));
        line(format!("allowed = allowed {}", if patch.allow { "| inside" } else { "& ~inside" }));
    }
    line("return allowed".to_owned());
    text
}
