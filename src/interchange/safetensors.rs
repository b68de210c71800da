//! Safetensors files to f32 tensors.

use std::collections::BTreeMap;

use std::ops::Range;

use ::safetensors::tensor::Metadata;
use ::safetensors::{Dtype, SafeTensors};

use super::array::{Array, Layout, Number};
use super::error::words;
use super::limits::SAFETENSORS_HEADER;
use super::{InterchangeError, Place, shown};

/// A tensor as f32, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extents, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers; as many as the product of `shape`.
    pub data: Vec<f32>,
}

/// An opened file. Opening checks the header against the data; tensors are converted when asked for.
pub struct SafetensorsFile<'a> {
    bytes: &'a [u8],
    /// Where the data begins.
    data: usize,
    header: Metadata,
    metadata: BTreeMap<String, String>,
}

impl<'a> SafetensorsFile<'a> {
    /// Opens a file's bytes.
    ///
    /// # Errors
    /// [`InterchangeError::TooLarge`] for a header over [`SAFETENSORS_HEADER`], [`InterchangeError::Invalid`] for a file that is cut off, whose
    /// header is not the format's JSON, or whose tensors do not tile the data exactly.
    pub fn open(bytes: &'a [u8]) -> Result<Self, InterchangeError> {
        let count = bytes.len();
        let Some((length, _)) = bytes.split_first_chunk::<8>() else {
            let problem = words!("{count} bytes: not a safetensors file", "只有 {count} 字节：不是 safetensors 文件");
            return Err(InterchangeError::invalid(Place::File, problem));
        };
        // Looked at before the parser sees it: its own limit is a hundred times ours.
        let length = u64::from_le_bytes(*length);
        if length > SAFETENSORS_HEADER as u64 {
            return Err(InterchangeError::too_large(Place::Header, length, SAFETENSORS_HEADER as u64, "bytes"));
        }
        let (length, header) = SafeTensors::read_metadata(bytes).map_err(|error| {
            let error = shown(&error.to_string());
            let problem = words!("not a safetensors file ({error})", "不是 safetensors 文件（{error}）");
            InterchangeError::invalid(Place::Header, problem)
        })?;
        let metadata = header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Self { bytes, data: 8 + length, header, metadata })
    }

    /// The file's own key and value pairs.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Names and shapes of the tensors, by name.
    pub fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.header.tensors().into_iter().map(|(name, info)| (name, info.shape.clone())).collect()
    }

    /// Where a tensor's numbers lie in the file, and how.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn layout(&self, name: &str) -> Result<(Layout, Range<usize>), InterchangeError> {
        let place = || Place::Tensor(name.to_owned());
        let info = self.header.info(name).ok_or_else(|| {
            let names: Vec<_> = self.shapes().into_keys().take(8).map(|name| shown(&name)).collect();
            let names = names.join(", ");
            let problem =
                words!("the file has no tensor of this name; it has {names}", "文件中没有此名称的张量；现有 {names}");
            InterchangeError::invalid(place(), problem)
        })?;
        let number = number_of(info.dtype).ok_or_else(|| {
            let dtype = info.dtype;
            let problem = words!(
                "{dtype:?} numbers; F16, BF16, F32, F64, integers and BOOL are read",
                "数值类型为 {dtype:?}；只读取 F16、BF16、F32、F64、整数与 BOOL"
            );
            InterchangeError::unsupported(place(), problem)
        })?;
        // The parser has checked both ends against the file.
        let (from, to) = info.data_offsets;
        let layout = Layout { shape: info.shape.clone(), number, swapped: false, fortran: false };
        Ok((layout, self.data.saturating_add(from)..self.data.saturating_add(to)))
    }

    /// One tensor as f32. F16, BF16 and F32 are taken exactly; F64 and integers are rounded to the nearest f32, beyond its range to infinity.
    ///
    /// # Errors
    /// [`InterchangeError::Invalid`] without a tensor of that name, [`InterchangeError::Unsupported`] for any other number format.
    pub fn tensor(&self, name: &str) -> Result<Tensor, InterchangeError> {
        let (layout, place) = self.layout(name)?;
        let bytes = self.bytes.get(place).unwrap_or_default();
        Ok(Array::new(&layout, bytes, || Place::Tensor(name.to_owned()))?.tensor())
    }
}

fn number_of(dtype: Dtype) -> Option<Number> {
    Some(match dtype {
        Dtype::F16 => Number::Float(2),
        Dtype::BF16 => Number::Brain,
        Dtype::F32 => Number::Float(4),
        Dtype::F64 => Number::Float(8),
        Dtype::BOOL | Dtype::U8 => Number::Unsigned(1),
        Dtype::U16 => Number::Unsigned(2),
        Dtype::U32 => Number::Unsigned(4),
        Dtype::U64 => Number::Unsigned(8),
        Dtype::I8 => Number::Signed(1),
        Dtype::I16 => Number::Signed(2),
        Dtype::I32 => Number::Signed(4),
        Dtype::I64 => Number::Signed(8),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn one(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        file(
            &format!(
                r#"{{"__metadata__":{{"by":"test"}},"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{}]}}}}"#,
                data.len()
            ),
            data,
        )
    }

    fn error(bytes: &[u8]) -> InterchangeError {
        SafetensorsFile::open(bytes).err().unwrap()
    }

    #[test]
    fn reads_every_float_format() {
        let cases: [(&str, Vec<u8>); 4] = [
            ("F16", [0x3e00u16, 0xc000].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ("BF16", [0x3fc0u16, 0xc000].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ("F32", [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ("F64", [1.5f64, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
        ];
        for (dtype, data) in cases {
            let bytes = one(dtype, "[2,1]", &data);
            let opened = SafetensorsFile::open(&bytes).unwrap();
            assert_eq!(opened.tensor("a").unwrap(), Tensor { shape: vec![2, 1], data: vec![1.5, -2.0] }, "{dtype}");
            assert_eq!(opened.metadata()["by"], "test");
            assert_eq!(opened.shapes(), BTreeMap::from([("a".to_owned(), vec![2, 1])]));
        }
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(error(b"short").place(), &Place::File);
        assert!(matches!(error(&u64::MAX.to_le_bytes()), InterchangeError::TooLarge { place: Place::Header, .. }));
        assert_eq!(error(&file("{not json", &[])).place(), &Place::Header);
        let mut cut = one("F32", "[2]", &[0; 8]);
        cut.pop();
        assert_eq!(error(&cut).place(), &Place::Header);
        assert_eq!(error(&one("F32", "[3]", &[0; 8])).place(), &Place::Header);
        assert_eq!(error(&one("F32", "[18446744073709551615,2]", &[0; 8])).place(), &Place::Header);

        let bytes = one("C64", "[1]", &[0; 8]);
        let opened = SafetensorsFile::open(&bytes).unwrap();
        assert!(
            matches!(opened.tensor("a"), Err(InterchangeError::Unsupported { place: Place::Tensor(name), .. }) if name == "a")
        );
        let missing = opened.tensor("b").unwrap_err();
        assert_eq!(missing.to_string(), r#"tensor "b": the file has no tensor of this name; it has a"#);
    }

    fn read_all(bytes: &[u8]) {
        if let Ok(opened) = SafetensorsFile::open(bytes) {
            for (name, shape) in opened.shapes() {
                if let Ok(tensor) = opened.tensor(&name) {
                    assert_eq!(tensor.data.len(), shape.iter().product::<usize>());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read_all(&bytes);
        }

        #[test]
        fn a_damaged_file_never_panics(at in 0usize..160, to in any::<u8>(), keep in 0usize..200) {
            let mut bytes = one("F16", "[2,2]", &[1; 8]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
            bytes.truncate(keep);
            read_all(&bytes);
        }

        #[test]
        fn random_headers_never_panic(dtype in "(F16|F32|F64|BF16|U8|F4|BOOL|F8_E4M3)", shape in prop::collection::vec(any::<u64>(), 0..4),
            small in prop::collection::vec(0u64..4, 0..4), begin in 0u64..20, end in any::<u64>()) {
            for (shape, end) in [(&shape, end), (&small, end % 64)] {
                let header = format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}}}"#);
                read_all(&file(&header, &[7; 32]));
            }
        }
    }
}
