//! `catalogue()`: the one list, as plain objects.

use serde_json::{Value, json};
use wasm_bindgen::JsValue;

use super::plain;
use crate::catalogue::{
    ContentEntry, Paper, Param, Slot, StreamEntry, Table, Text, estimators, hybrids, layouts, masks, mixes,
    normalisers, positions, probabilities, products, recipes, selections, streams,
};

/// Every mask, position scheme, normaliser, change of the weights, mix of layers, product, selection, estimator, generator and way to join two streams with names, parameters and ranges.
pub fn catalogue() -> JsValue {
    plain(&json!({
        "masks": masks().iter().map(|m| json!({
            "id": m.id, "name": text(&m.name), "about": text(&m.about), "formula": m.formula, "params": params(m.params),
            "data": tables(m.tables), "paper": paper(m.paper), "cost": m.cost,
        })).collect::<Vec<_>>(),
        "positions": positions().iter().map(|p| {
            let (formula, data) = match p.slot {
                Slot::Score { formula, tables: needed } => (Some(formula), tables(needed)),
                Slot::Content(content) => (content.score, Value::Array(Vec::new())),
                Slot::Nothing | Slot::Sinusoidal | Slot::Learned | Slot::Rotary(_) => (None, Value::Array(Vec::new())),
            };
            json!({
                "id": p.id, "name": text(&p.name), "about": text(&p.about), "formula": formula, "params": params(p.params), "data": data,
                "paper": paper(p.paper),
            })
        }).collect::<Vec<_>>(),
        "normalisers": normalisers().iter().map(|n| json!({
            "id": n.id, "name": text(&n.name), "about": text(&n.about), "formula": n.formula, "params": params(n.params),
            "data": tables(n.tables), "paper": paper(n.paper),
        })).collect::<Vec<_>>(),
        "probabilities": probabilities().iter().map(|p| json!({
            "id": p.id, "name": text(&p.name), "about": text(&p.about), "formula": p.formula, "params": params(p.params),
            "paper": paper(p.paper),
        })).collect::<Vec<_>>(),
        "layers": mixes().iter().map(|m| json!({
            "id": m.id, "name": text(&m.name), "about": text(&m.about), "formula": m.mask, "params": params(m.params),
            "paper": paper(m.paper),
        })).collect::<Vec<_>>(),
        "products": by_content(products()),
        "layouts": layouts().iter().map(|l| json!({
            "id": l.id, "name": text(&l.name), "about": text(&l.about), "formula": l.formula, "params": params(l.params),
            "data": tables(l.tables), "paper": paper(l.paper),
        })).collect::<Vec<_>>(),
        "selections": by_content(selections()),
        "hybrids": by_content(hybrids()),
        "estimators": estimators().iter().map(|e| json!({
            "id": e.id, "name": text(&e.name), "about": text(&e.about), "formula": e.formula, "params": params(e.params),
            "paper": paper(e.paper), "cost": e.cost, "direction": e.direction.name(), "state": e.state,
        })).collect::<Vec<_>>(),
        "generators": recipes().iter().map(|r| json!({
            "id": r.id, "name": text(&r.name), "about": text(&r.about),
        })).collect::<Vec<_>>(),
        "streams": streams().iter().map(|s| json!({
            "id": s.id, "name": text(&s.name), "about": text(&s.about), "mask": StreamEntry::MASK,
            "looks": StreamEntry::SWITCHES.iter().zip(s.looks).filter_map(|(name, on)| on.then_some(*name)).collect::<Vec<_>>(),
            "shared": s.shared, "paper": paper(Some(s.paper)),
        })).collect::<Vec<_>>(),
    }))
}

fn by_content(entries: &[ContentEntry]) -> Value {
    let one = |e: &ContentEntry| {
        json!({
            "id": e.id, "name": text(&e.name), "about": text(&e.about), "formula": e.formula, "params": params(e.params),
            "paper": paper(e.paper),
        })
    };
    entries.iter().map(one).collect()
}

fn text(text: &Text) -> Value {
    json!({ "en": text.en, "zh-CN": text.zh })
}

fn params(params: &[Param]) -> Value {
    let one = |p: &Param| {
        json!({
            "name": p.name, "type": p.ty, "min": p.min, "max": p.max, "largest": p.hard_max, "step": p.step, "default": p.default,
            "label": text(&p.label),
        })
    };
    params.iter().map(one).collect()
}

fn tables(tables: &[Table]) -> Value {
    tables.iter().map(|t| json!({ "name": t.name, "type": t.ty, "axes": t.rank, "label": text(&t.label) })).collect()
}

fn paper(paper: Option<Paper>) -> Value {
    paper.map_or(Value::Null, |p| json!({ "title": p.title, "year": p.year, "id": p.id }))
}
