//! Suggesting image axes that make an array smaller.

use std::collections::HashSet;
use std::num::NonZero;

use bitnpz_bitmap::codec::{Effort, Encoder, Model, Sample};
use bitnpz_bitmap::{Bitmap, BitmapView};
use bitnpz_npy::{DynArrayView, Header, Kind};

use super::form::permutation;
use super::image_axes::ImageAxes;
use crate::value::lane_bytes;

/// The number of bands of rows in the sample, spread over all images. With about [`PIXELS_PER_BAND`] pixels each, the sample takes
/// milliseconds at any size of the array.
const BANDS: usize = 32;
const PIXELS_PER_BAND: usize = 1 << 13;

/// The distance in rows between the starts of consecutive bands, modulo the height. It is a prime above most heights, so that bands
/// start at different rows.
const BAND_STRIDE: usize = 7919;

/// Other axes are suggested only if images would take less than half of the bytes: the estimate is rough.
const MIN_FACTOR: f64 = 2.0;

/// No axes are suggested that save fewer bytes, nor for fewer pixels: the estimate would be unreliable.
const MIN_SAVED: f64 = 512.0;
const MIN_PIXELS: usize = 4096;

/// Equal images are stored once. They are counted in runs of so many images, spread over all, as long as these have so many pixels.
const RUNS: usize = 16;
const RUN_IMAGES: usize = 16;
const MOST_COMPARED: usize = 1 << 20;

/// What an image takes in a set beside its payload, in bytes.
const IMAGE_BYTES: f64 = 0.7;

/// Image axes that would make an array smaller than the inferred axes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BetterAxes {
    /// The better axes.
    pub axes: ImageAxes,
    /// The estimated size with inferred axes, divided by the estimated size with these.
    pub factor: f64,
}

/// Finds axes of an array with which its images would take less than half of the bytes.
///
/// Axes are likely if, in a sample of pixels, far more edges of a row continue in the row below. Then the sample is encoded along
/// both: what looks torn may be a texture.
///
/// ```
/// use bitnpz::{DynArray, better_axes};
/// use ndarray::Array2;
///
/// // Flat images of 28 x 28 pixels.
/// let digits = Array2::from_shape_fn((500, 784), |(i, at)| (at / 28).abs_diff(9 + i % 7) + (at % 28).abs_diff(i % 19) < 9);
/// let better = better_axes(&DynArray::from_ndarray(&digits).view()).unwrap();
/// assert_eq!(better.axes.to_string(), "28x28");
/// ```
#[must_use]
pub fn better_axes(array: &DynArrayView<'_>) -> Option<BetterAxes> {
    let header = array.header();
    lane_bytes(&header.dtype)?;
    if header.len() < MIN_PIXELS || header.shape.len() < 2 {
        return None;
    }
    let bits = ArrayBits::new(array)?;
    let inferred = bits.edge_breaks(ImageAxes::Inferred)?;
    // Consecutive rows of an array of flat images are different images, so most edges break.
    let are_flat = inferred.per_edge > 0.5;
    let likely = candidates(header).filter(|axes| are_flat || !matches!(axes, ImageAxes::Flat { .. }));
    let costs = likely.filter_map(|axes| Some((axes, bits.edge_breaks(axes)?.per_pixel)));
    let (axes, cost) = costs.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    if inferred.per_pixel <= MIN_FACTOR * cost.max(1e-4) {
        return None;
    }
    let (inferred, better) = (bits.stored_bytes(ImageAxes::Inferred)?, bits.stored_bytes(axes)?);
    let factor = inferred / better;
    (factor > MIN_FACTOR && inferred - better > MIN_SAVED).then_some(BetterAxes { axes, factor })
}

/// Returns the axes that images may have instead of the last two.
fn candidates(header: &Header) -> impl Iterator<Item = ImageAxes> {
    let dimensions = header.shape.len();
    let pairs = [[0, 1], [0, dimensions - 1], [1, 2]].into_iter().filter(move |_| dimensions > 2);
    let axes = pairs.map(move |[height, width]| ImageAxes::Axes { height, width, dimensions });
    let flat = *header.shape.last().unwrap_or(&0);
    // Flat images are assumed to be at most twice as long on one side.
    let heights = (2..=flat / 2).filter(move |height| dimensions == 2 && flat.is_multiple_of(*height));
    let flat = heights
        .map(move |height| (height, flat / height))
        .filter(|(height, width)| height.max(width) <= &(2 * height.min(width)) && height.min(width) > &4);
    axes.chain(flat.take(8).map(|(height, width)| ImageAxes::Flat { height, width }))
}

/// The number of edges of a row that start or end there, rather than continue in a neighbouring row. An image takes about this many
/// codes.
struct EdgeBreaks {
    /// Divided by the number of pixels.
    per_pixel: f64,
    /// Divided by the number of edges, at both their ends.
    per_edge: f64,
}

/// Bands of rows of images.
struct Bands {
    /// The index in the array of the first pixel of each.
    starts: [usize; BANDS],
    rows: usize,
    columns: usize,
    /// The distance in the array to the next pixel of a column, and of a row.
    down: usize,
    right: usize,
}

/// The pixels of an array as bits.
struct ArrayBits<'a> {
    header: &'a Header,
    items: &'a [u8],
    item_size: usize,
    is_bool: bool,
    /// The bytes of the value that is read as 0: that of the first pixel.
    off: &'a [u8],
}

impl<'a> ArrayBits<'a> {
    fn new(array: &'a DynArrayView<'_>) -> Option<Self> {
        let (header, items) = (array.header(), array.data());
        let item_size = header.dtype.item_size();
        let is_bool = header.dtype.kind() == Some(Kind::Bool);
        Some(Self { header, items, item_size, is_bool, off: items.get(..item_size)? })
    }

    fn bit(&self, place: usize) -> bool {
        let item = &self.items[place * self.item_size..][..self.item_size];
        if self.is_bool { item[0] != 0 } else { item != self.off }
    }

    /// Returns bands of rows of images along these axes.
    fn bands(&self, axes: ImageAxes) -> Option<Bands> {
        let (stack, form) = axes.form(self.header).ok()??;
        let &[.., height, width] = stack.as_slice() else { return None };
        let images: usize = stack[..stack.len() - 2].iter().product();
        if height < 2 || width == 0 || images == 0 {
            return None;
        }
        let strides = self.strides(&stack, form.as_ref().and_then(|form| form.axes));
        let columns = width.min(PIXELS_PER_BAND / 2);
        let rows = height.min(PIXELS_PER_BAND / columns);
        let [down, right] = [strides[stack.len() - 2], strides[stack.len() - 1]];
        let start = |band: usize| {
            let image = image_start(band * images / BANDS, &stack[..stack.len() - 2], &strides);
            image + band * BAND_STRIDE % (height - rows + 1) * down
        };
        Some(Bands { starts: std::array::from_fn(start), rows, columns, down, right })
    }

    /// Estimates the bytes of all images along these axes, from a sample with the model that suits it.
    fn stored_bytes(&self, axes: ImageAxes) -> Option<f64> {
        let Bands { starts, rows, columns, down, right } = self.bands(axes)?;
        let (stack, form) = axes.form(self.header).ok()??;
        let strides = self.strides(&stack, form.as_ref().and_then(|form| form.axes));
        let bands: Vec<Bitmap> = starts
            .iter()
            .map(|start| {
                let mut band = Bitmap::zeros(rows, columns)?;
                for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                    band.set(y, x, self.bit(start + y * down + x * right));
                }
                Ok::<_, bitnpz_bitmap::Error>(band)
            })
            .collect::<Result<_, _>>()
            .ok()?;
        let views: Vec<BitmapView<'_>> = bands.iter().map(Bitmap::view).collect();
        let sample = Sample { images: &views, total: views.len() };
        let model = Model::choose(None, sample, Effort::Fast, NonZero::<usize>::MIN);
        let mut payloads = Vec::new();
        let mut encoder = Encoder::with_effort(Effort::Fast);
        views.iter().for_each(|&view| encoder.encode(&model, view, &mut payloads));
        let images: usize = stack[..stack.len() - 2].iter().product();
        let pixels = self.header.len() as f64 / (BANDS * rows * columns).max(1) as f64;
        let payloads = payloads.len() as f64 * pixels + IMAGE_BYTES * images as f64;
        Some(payloads * self.distinct(&stack, &strides) + model.as_bytes().len() as f64)
    }

    /// Returns the part of the images of a stack that are not equal to others, in runs of them.
    fn distinct(&self, stack: &[usize], strides: &[usize]) -> f64 {
        let (outer, [height, width]) = stack.split_last_chunk().expect("a stack has height and width");
        let [down, right] = [strides[outer.len()], strides[outer.len() + 1]];
        let images: usize = outer.iter().product();
        let most = (MOST_COMPARED / (height * width).max(1)).clamp(1, RUNS * RUN_IMAGES);
        let (mut seen, mut distinct) = (0, HashSet::new());
        for run in 0..RUNS {
            let first = run * images / RUNS;
            let images = images.min((run + 1) * images / RUNS) - first;
            for image in (first..first + images.min(RUN_IMAGES)).take(most.div_ceil(RUNS)) {
                let start = image_start(image, outer, strides);
                let places = (0..*height).flat_map(|y| (0..*width).map(move |x| y * down + x * right));
                let mut hasher = crc32fast::Hasher::new();
                places.for_each(|place| hasher.update(&[self.bit(start + place).into()]));
                distinct.insert(hasher.finalize());
                seen += 1;
            }
        }
        distinct.len() as f64 / seen.max(1) as f64
    }

    /// Counts the edge breaks of images along these axes, in a sample of them.
    fn edge_breaks(&self, axes: ImageAxes) -> Option<EdgeBreaks> {
        let Bands { starts, rows, columns, down, right } = self.bands(axes)?;
        let (mut breaks, mut edges, mut seen) = (0_usize, 0_usize, 0_usize);
        for start in starts {
            let is_edge = |y: usize, x: usize| {
                let place = start + y * down + x * right;
                x > 0 && x < columns && self.bit(place) != self.bit(place - right)
            };
            // An edge without one in the other row within a pixel.
            let is_alone = |y: usize, x: usize, other: usize| {
                is_edge(y, x) && !(x.saturating_sub(1)..=x + 1).any(|x| is_edge(other, x))
            };
            for y in 1..rows {
                let alone = |&x: &usize| is_alone(y, x, y - 1) || is_alone(y - 1, x, y);
                breaks += (1..columns).filter(alone).count();
                edges += (1..columns).filter(|&x| is_edge(y, x)).count();
            }
            seen += (rows - 1) * (columns - 1);
        }
        let part = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        (seen > 0).then(|| EdgeBreaks { per_pixel: part(breaks, seen), per_edge: part(breaks, 2 * edges) })
    }

    /// Returns the strides of the stack in the array, in items.
    fn strides(&self, stack: &[usize], axes: Option<[usize; 2]>) -> Vec<usize> {
        let c_strides = |shape: &[usize]| {
            let mut strides = vec![1; shape.len()];
            (1..shape.len()).rev().for_each(|axis| strides[axis - 1] = strides[axis] * shape[axis]);
            strides
        };
        let shape = &self.header.shape;
        let array_strides = if self.header.fortran_order {
            let reversed: Vec<usize> = shape.iter().rev().copied().collect();
            c_strides(&reversed).into_iter().rev().collect()
        } else {
            c_strides(shape)
        };
        match axes {
            Some(axes) => permutation(axes, shape.len()).map(|axis| array_strides[axis]).collect(),
            None if self.header.fortran_order => array_strides,
            None => c_strides(stack),
        }
    }
}

/// Returns the index in the array of the first pixel of an image, counted along axes of these lengths and strides.
fn image_start(mut image: usize, lengths: &[usize], strides: &[usize]) -> usize {
    let mut place = 0;
    for (&length, &stride) in lengths.iter().zip(strides).rev() {
        place += image % length * stride;
        image /= length;
    }
    place
}

#[cfg(test)]
mod tests {
    use bitnpz_npy::DynArray;
    use ndarray::Array3;

    use super::*;

    #[test]
    fn suggests_axes_that_make_images_smaller() {
        let stack = Array3::from_shape_fn((40, 60, 50), |(i, y, x)| {
            y.abs_diff(20 + i % 17) + x.abs_diff(i * 7 % 31) < 18
        });
        let text = |array: DynArray| better_axes(&array.view()).map(|better| better.axes.to_string());
        let of = |order: [usize; 3]| {
            DynArray::from_ndarray(&stack.clone().permuted_axes(order).as_standard_layout().into_owned())
        };
        assert_eq!(text(of([0, 1, 2])), None);
        assert_eq!(text(of([1, 2, 0])).as_deref(), Some("HWN"));
        assert_eq!(text(of([1, 0, 2])).as_deref(), Some("HNW"));
        let flat = stack.clone().into_shape_with_order((40, 3000)).unwrap();
        assert_eq!(text(DynArray::from_ndarray(&flat)).as_deref(), Some("60x50"));
        // Pixels of ordered dither are like those in the same place of other images, and so are images.
        let dither = Array3::from_shape_fn((300, 64, 64), |(i, y, x)| {
            let threshold = (0..3).fold(0, |sum, bit| {
                let [y, x] = [y, x].map(|place: usize| place >> bit & 1);
                sum * 4 + 2 * (y ^ x) + y
            });
            (y * (i % 7) + x * (i % 5) + i * 3) % 64 > threshold
        });
        assert_eq!(text(DynArray::from_ndarray(&dither)), None);
        // A page is not a stack of flat images.
        let page =
            ndarray::Array2::from_shape_fn((300, 400), |(y, x)| y % 20 < 9 && (x + y / 20 * 7) % 17 < 8);
        assert_eq!(text(DynArray::from_ndarray(&page)), None);
        assert_eq!(text(DynArray::from_ndarray(&Array3::<f32>::from_elem((9, 40, 40), 0.5))), None);
        // Equal images are stored once, wherever they are: balls of voxels have the same slices.
        let balls = ndarray::Array4::from_shape_fn((10, 32, 32, 32), |(ball, z, y, x)| {
            let [z, y, x] = [(z, 11 + ball), (y, 16), (x, 16)].map(|(place, middle)| place.abs_diff(middle));
            z * z + y * y + x * x < 50
        });
        assert_eq!(text(DynArray::from_ndarray(&balls)), None);
        let masks = Array3::from_shape_fn((500, 40, 40), |(i, y, x)| {
            let i = i / 10;
            (y * 7 + x * x + i * i) % (5 + i % 13) < 2 && y.abs_diff(20) + x.abs_diff(i % 40) < 19
        });
        assert_eq!(text(DynArray::from_ndarray(&masks)), None);
    }
}
