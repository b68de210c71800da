//! A picture of pixels, and its file.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use attention_playground::analysis::colour::Rgb;
use png::{BitDepth, ColorType, Compression, Filter};

/// Rows of pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Rgb>,
}

type Error = Box<dyn std::error::Error>;

impl Canvas {
    /// A canvas of one colour.
    pub fn new(width: usize, height: usize, ground: Rgb) -> Self {
        Self { width, height, pixels: vec![ground; width * height] }
    }

    /// Fills a rectangle, as far as it lies inside.
    pub fn fill(&mut self, [x, y, width, height]: [usize; 4], colour: Rgb) {
        for row in y..(y + height).min(self.height) {
            for column in x..(x + width).min(self.width) {
                self.pixels[row * self.width + column] = colour;
            }
        }
    }

    /// Writes an indexed PNG: flat colours, of which there are few.
    ///
    /// # Errors
    /// More than 256 colours, or a file that can't be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut colours: Vec<Rgb> = self.pixels.clone();
        colours.sort_unstable();
        colours.dedup();
        if colours.len() > 256 {
            return Err(format!("{} colours", colours.len()).into());
        }
        let at = |pixel: &Rgb| colours.binary_search(pixel).map_or(0, |i| i as u8);
        let indices: Vec<u8> = self.pixels.iter().map(at).collect();
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_palette(colours.concat());
        encoder.set_compression(Compression::High);
        encoder.set_filter(Filter::NoFilter);
        encoder.write_header()?.write_image_data(&indices)?;
        Ok(())
    }

    /// Reads a PNG.
    ///
    /// # Errors
    /// A file that is missing or is no PNG of colours.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut decoder = png::Decoder::new(BufReader::new(File::open(path)?));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size().ok_or("too large")?];
        let info = reader.next_frame(&mut bytes)?;
        if info.color_type != ColorType::Rgb {
            return Err(format!("{:?}", info.color_type).into());
        }
        let pixels = bytes[..info.buffer_size()].chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
        Ok(Self { width: info.width as usize, height: info.height as usize, pixels })
    }
}
