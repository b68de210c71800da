//! What must hold for anything that comes from outside, whatever it is: the fuzz targets feed these with what they find, `tests/fuzzed.rs` with what is kept
//! in `corpus/` and with small changes of it.

use attention_playground::attention::request::{Draft, TENSORS, Tensor, prepare};
use attention_playground::engine::protocol::codec::{self, Codec};
use attention_playground::engine::protocol::{Asked, FromWorker, ToWorker};
use attention_playground::experiment::{Experiment, check, decode, encode, merge};
use attention_playground::formula::{Kind, Scope, Tree, Ty, compile};
use attention_playground::interchange::pace::{Straight, straight};
use attention_playground::interchange::select::{Most, Part, View};
use attention_playground::interchange::{Bundle, Numbers};

/// What the page takes of a file.
const MOST: Most = Most { heads: 32, tokens: 4096, size: 256, numbers: 1 << 19 };
const ALL: Part = Part { batch: 0, heads: [0, 32], tokens: [0, 4096] };

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A text as a link: it opens as something valid, its text is kept, and what it opened as comes back from its own link.
pub fn link(bytes: &[u8]) {
    let text = text(bytes);
    let opened = decode(text);
    assert_eq!(check(&opened.experiment), Ok(()));
    assert_eq!(opened.raw, text);
    comes_back(&opened.experiment);
}

/// Bytes as what a packed link inflates to: text alone hardly ever gets through base64 and deflate.
pub fn packed(bytes: &[u8]) {
    let deflated = miniz_oxide::deflate::compress_to_vec(bytes, 1);
    let opened = decode(&format!("v1~{}", base64url(&deflated)));
    assert_eq!(check(&opened.experiment), Ok(()));
    comes_back(&opened.experiment);
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        (0..=three.len()).for_each(|i| text.push(char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize])));
    }
    text
}

fn comes_back(experiment: &Experiment) {
    let again = decode(&encode(experiment));
    assert!(again.problems.is_empty());
    assert_eq!(again.experiment, *experiment);
}

/// A text as a formula of each kind: an error stands at characters of it, and what is read is printed as something that is read the same.
pub fn formula(bytes: &[u8]) {
    let text = text(bytes);
    let scope = Scope { params: vec![("w".to_owned(), Ty::Int), ("c".to_owned(), Ty::Float)], ..Scope::default() };
    for kind in [Kind::Mask, Kind::Score, Kind::Probability] {
        if let Err(error) = compile(text, kind, &scope) {
            assert!(text.get(error.span.clone()).is_some(), "{error:?}");
        }
    }
    if let Ok(tree) = Tree::parse(text) {
        let printed = tree.text();
        assert_eq!(Tree::parse(&printed).map(|again| again.text()), Ok(printed.clone()), "{text}");
    }
}

/// A file of arrays, whose kind is read from its bytes and its name; the first byte chooses the name.
pub fn file(bytes: &[u8]) {
    const NAMES: [&str; 6] = ["a.npy", "a.npz", "a.safetensors", "a.csv", "a.json", "a.txt"];
    let Some((kind, rest)) = bytes.split_first() else { return };
    let Ok(mut bundle) = straight(Bundle::open(NAMES[usize::from(*kind) % NAMES.len()], rest.to_vec(), &Straight))
    else {
        return;
    };
    for index in 0..bundle.entries.len().min(8) {
        if straight(bundle.prepare(index, &Straight)).is_err() {
            continue;
        }
        let Some(array) = bundle.array(index) else { continue };
        let view = View::guess(array.shape(), &MOST);
        if let Ok(rows) = straight(view.take(&array, &ALL, &Straight)) {
            assert!(rows.iter().map(Vec::len).sum::<usize>() <= MOST.heads * MOST.tokens * MOST.size);
        }
    }
}

/// A text as pasted numbers: rows of one length, or an error.
pub fn numbers(bytes: &[u8]) {
    if let Ok(numbers) = Numbers::parse(text(bytes))
        && let Ok(rows) = numbers.matrix()
    {
        assert!(rows.windows(2).all(|pair| pair[0].len() == pair[1].len()));
    }
}

/// A JSON text as part of an experiment (`set`, the messages of frames) and as the fields of a request (`run`).
pub fn json(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    if let Ok(experiment) = merge(&Experiment::default(), &value) {
        assert_eq!(check(&experiment), Ok(()));
    }
    let Some(fields) = value.as_object() else { return };
    let mut draft = Draft::default();
    for name in TENSORS.iter().take(3) {
        draft.tensor(name, Tensor::new(&[1, 2, 3, 2], vec![0.5; 12]));
    }
    for (name, value) in fields {
        if draft.wants(name) && !TENSORS.contains(&name.as_str()) {
            draft.field(name, value.clone());
        }
    }
    if let Ok(request) = draft.request() {
        drop(prepare(&request));
    }
}

/// Bytes as the head of a message to a worker, from one, or beside one, as the first byte says: those of none, or of one that takes no more bytes than these and
/// comes back from its own.
pub fn message(bytes: &[u8]) {
    let Some((way, rest)) = bytes.split_first() else { return };
    match way % 3 {
        0 => crosses::<ToWorker>(rest),
        1 => crosses::<FromWorker>(rest),
        _ => crosses::<Asked>(rest),
    }
}

fn crosses<Head: Codec>(bytes: &[u8]) {
    let Some(head) = codec::decode::<Head>(bytes) else { return };
    let own = codec::encode(&head);
    assert!(own.len() <= bytes.len(), "{} bytes became {}", bytes.len(), own.len());
    // Bytes are compared, not values: NaN is not equal to itself.
    assert_eq!(codec::decode::<Head>(&own).map(|again| codec::encode(&again)), Some(own));
}
