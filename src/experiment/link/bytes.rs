//! JSON as bytes: what a packed link holds before it is deflated.
//!
//! A value is a tag and what the tag says: counts are LEB128, lists of numbers are [`super::numbers`], matrices and lists of like objects lie
//! column by column. Reading allocates no more than a fixed multiple of the bytes that are there, and goes no deeper than [`DEPTH`].

use serde_json::{Map, Value};

use super::numbers::{self, Numbers};

/// Deepest nesting; an experiment has five.
const DEPTH: u8 = 8;
/// Bytes of the name of a field; a parameter's is shorter.
const NAME: usize = 64;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
/// A non-negative integer.
const COUNT: u8 = 3;
/// One number in a form of [`Numbers`].
const NUMBER: u8 = 4;
const TEXT: u8 = 5;
const LIST: u8 = 6;
const OBJECT: u8 = 7;
/// A list of numbers.
const NUMBERS: u8 = 8;
/// A list of lists of numbers, all of one length.
const MATRIX: u8 = 9;
/// A list of objects with the same keys: the keys, then a list for each.
const TABLE: u8 = 10;

/// Bytes read from the front.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    /// LEB128 of at most 64 bits.
    fn whole(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A count of things of which each takes at least one of the bytes that are left.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.whole()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    /// The name of a field.
    pub(super) fn key(&mut self) -> Option<&'a str> {
        self.text().filter(|key| key.len() <= NAME)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// The next value; `None` for anything that [`write`] could not have written so.
    pub(super) fn value(&mut self) -> Option<Value> {
        self.nested(DEPTH)
    }

    fn nested(&mut self, depth: u8) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        Some(match self.byte()? {
            NULL => Value::Null,
            FALSE => false.into(),
            TRUE => true.into(),
            COUNT => self.whole()?.into(),
            NUMBER => Numbers::read(self, 1)?.values().pop()?,
            TEXT => self.text()?.into(),
            LIST => {
                let count = self.count()?;
                Value::Array((0..count).map(|_| self.nested(depth)).collect::<Option<_>>()?)
            }
            OBJECT => {
                let count = self.count()?;
                let field = |reader: &mut Self| Some((reader.key()?.to_owned(), reader.nested(depth)?));
                Value::Object((0..count).map(|_| field(self)).collect::<Option<_>>()?)
            }
            NUMBERS => {
                let count = self.count()?;
                Value::Array(Numbers::read(self, count)?.values())
            }
            MATRIX => {
                let (rows, columns) = (self.count()?, self.count()?);
                let cells = rows.checked_mul(columns)?;
                // Nothing is read for rows without columns: then only as many as bytes may be claimed, and none are.
                if cells == 0 {
                    return None;
                }
                let all = Numbers::read(self, cells)?.values();
                Value::Array(all.chunks(columns).map(|row| Value::Array(row.to_vec())).collect())
            }
            TABLE => self.table(depth)?,
            _ => return None,
        })
    }

    fn table(&mut self, depth: u8) -> Option<Value> {
        let (rows, columns) = (self.count()?, self.count()?);
        // Every cell takes at least a byte of those that are left, also where the names come first.
        if columns == 0 || rows.checked_mul(columns).is_none_or(|cells| cells > self.0.len()) {
            return None;
        }
        let mut all = Vec::new();
        for _ in 0..columns {
            let key = self.key()?;
            let Value::Array(column) = self.nested(depth)? else { return None };
            if column.len() != rows {
                return None;
            }
            // Only once a column is there: a claim alone makes nothing.
            all.resize_with(rows, Map::new);
            for (row, value) in all.iter_mut().zip(column) {
                row.insert(key.to_owned(), value);
            }
        }
        Some(Value::Array(all.into_iter().map(Value::Object).collect()))
    }
}

fn whole(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a length and UTF-8.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    whole(text.len() as u64, out);
    out.extend(text.as_bytes());
}

/// Appends `value` in the shortest form.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(flag) => out.push(if *flag { TRUE } else { FALSE }),
        Value::Number(number) => match (number.as_u64(), numbers::of(std::slice::from_ref(value))) {
            (Some(count), _) => {
                out.push(COUNT);
                whole(count, out);
            }
            (None, Some(number)) => {
                out.push(NUMBER);
                number.write(out);
            }
            // An integer below -2^31; the experiment has none, and a link with it would name the field as out of range.
            (None, None) => out.push(NULL),
        },
        Value::String(string) => {
            out.push(TEXT);
            text(string, out);
        }
        Value::Array(items) => list(items, out),
        Value::Object(fields) => {
            out.push(OBJECT);
            whole(fields.len() as u64, out);
            for (key, value) in sorted(fields) {
                text(key, out);
                write(value, out);
            }
        }
    }
}

fn list(items: &[Value], out: &mut Vec<u8>) {
    if let Some(numbers) = numbers::of(items) {
        out.push(NUMBERS);
        whole(items.len() as u64, out);
        return numbers.write(out);
    }
    if let Some((columns, numbers)) = matrix(items) {
        out.push(MATRIX);
        whole(items.len() as u64, out);
        whole(columns as u64, out);
        return numbers.write(out);
    }
    if let Some(keys) = keys(items) {
        out.push(TABLE);
        whole(items.len() as u64, out);
        whole(keys.len() as u64, out);
        for key in keys {
            text(key, out);
            let column: Vec<Value> = items.iter().filter_map(|item| item.get(key).cloned()).collect();
            list(&column, out);
        }
        return;
    }
    out.push(LIST);
    whole(items.len() as u64, out);
    items.iter().for_each(|item| write(item, out));
}

/// The columns and cells of lists of numbers that all have the same length.
fn matrix(items: &[Value]) -> Option<(usize, Numbers)> {
    let columns = items.first()?.as_array()?.len();
    let rows: Vec<&[Value]> = items.iter().map(|row| row.as_array().map(Vec::as_slice)).collect::<Option<_>>()?;
    if columns == 0 || rows.iter().any(|row| row.len() != columns) {
        return None;
    }
    numbers::of(&rows.concat()).map(|numbers| (columns, numbers))
}

/// The keys that all of several objects have, and no others.
fn keys(items: &[Value]) -> Option<Vec<&str>> {
    let keys: Vec<&str> = sorted(items.first()?.as_object()?).map(|(key, _)| key).collect();
    let like = |item: &Value| {
        item.as_object().is_some_and(|o| o.len() == keys.len() && keys.iter().all(|key| o.contains_key(*key)))
    };
    (items.len() > 1 && !keys.is_empty() && items.iter().all(like)).then_some(keys)
}

/// The fields in the order of their keys, whatever order the JSON library keeps: the same experiment has one link.
fn sorted(fields: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let mut all: Vec<(&str, &Value)> = fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all.into_iter()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bytes(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        write(value, &mut out);
        out
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i32>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
            (-999..999i32).prop_map(|i| Value::from(f64::from(i) / 100.0)),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            number,
            "\\PC{0,9}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in any_value()) {
            let bytes = bytes(&value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.value(), Some(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_a_value_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while reader.value().is_some() {}
        }
    }

    #[test]
    fn lists_of_like_objects_lie_in_columns() {
        let edits = json!([{"tensor": "q", "row": 1, "value": 0.5}, {"tensor": "k", "row": 2, "value": -0.25}]);
        let table = bytes(&edits);
        assert_eq!(table[0], TABLE);
        assert_eq!(Reader::new(&table).value(), Some(edits));
        assert_eq!(bytes(&json!([[0.5, 1.5], [2.5, 3.5]]))[0], MATRIX);
        assert_eq!(bytes(&json!([[0.5], [2.5, 3.5]]))[0], LIST);
    }

    #[test]
    fn claims_beyond_the_bytes_are_refused() {
        let deep = [[LIST, 1]; 40].concat();
        // A long name for each of many rows would be as much as both multiplied.
        let name = [vec![TABLE, 100, 1, 100], vec![b'a'; 100], vec![NUMBERS, 100, 0, 1], vec![1; 100]].concat();
        let claims: [&[u8]; 9] = [
            &name,
            &[LIST, 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[NUMBERS, 0xff, 0xff, 0x7f, 0, 4, 1],
            &[MATRIX, 9, 9, 0, 4, 0, 0, 0, 0, 0, 0],
            &[MATRIX, 2, 0, 0, 1],
            &[TABLE, 3, 0, 0, 0],
            &[TEXT, 5, b'a'],
            &[COUNT, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &deep,
        ];
        for claim in claims {
            assert_eq!(Reader::new(claim).value(), None, "{claim:?}");
        }
    }
}
