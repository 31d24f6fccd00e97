//! Whether an array would take fewer bytes if other axes were taken for rows and columns.

use bitnpz_npy::{DynArrayView, Header, Kind};

use super::ImageAxes;
use super::form::permutation;
use crate::value::lane_bytes;

/// So many bands of rows are looked at, in as many images as there are, and about so many pixels of each.
const BANDS: usize = 32;
const PIXELS: usize = 1 << 13;

/// Bands are spread over the heights of images by steps of this prime.
const SPREAD: usize = 7919;

/// Other axes are better if images take less than half of the bytes.
const BETTER: f64 = 2.0;

/// Fewer pixels tell too little, and cost too little.
const FEW_PIXELS: usize = 4096;

/// Axes that would make an array smaller than those that are inferred.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BetterAxes {
    /// These axes.
    pub axes: ImageAxes,
    /// About how many times smaller.
    pub factor: f64,
}

/// Looks for axes of an array that would make its images take less than half of the bytes. It looks at a sample of pixels,
/// and compares how many edges along a row go on in the row below.
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
    if header.len() < FEW_PIXELS || header.shape.len() < 2 {
        return None;
    }
    let pixels = Pixels::new(array)?;
    let inferred = pixels.cost(ImageAxes::Inferred)?;
    // Rows of flat images have nothing to do with each other.
    let are_flat = inferred.breaks > 0.5;
    let likely = candidates(header).filter(|axes| are_flat || !matches!(axes, ImageAxes::Flat { .. }));
    let costs = likely.filter_map(|axes| Some((axes, pixels.cost(axes)?.surprises)));
    let (axes, cost) = costs.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let factor = inferred.surprises / cost.max(1e-4);
    (factor > BETTER).then_some(BetterAxes { axes, factor })
}

/// The axes that images may have instead of the last two.
fn candidates(header: &Header) -> impl Iterator<Item = ImageAxes> {
    let dimensions = header.shape.len();
    let pairs = [[0, 1], [0, dimensions - 1], [1, 2]].into_iter().filter(move |_| dimensions > 2);
    let axes = pairs.map(move |[height, width]| ImageAxes::Axes { height, width, dimensions });
    let flat = *header.shape.last().unwrap_or(&0);
    // Flat images are as square as their pixels allow, or twice as long on one side.
    let heights = (2..=flat / 2).filter(move |height| dimensions == 2 && flat.is_multiple_of(*height));
    let flat = heights
        .map(move |height| (height, flat / height))
        .filter(|(height, width)| height.max(width) <= &(2 * height.min(width)) && height.min(width) > &4);
    axes.chain(flat.take(8).map(|(height, width)| ImageAxes::Flat { height, width }))
}

/// What images would cost along some axes.
struct Cost {
    /// The part of pixels at which an edge along a row starts or ends.
    surprises: f64,
    /// The part of edges that start or end.
    breaks: f64,
}

/// The pixels of an array, as bits.
struct Pixels<'a> {
    header: &'a Header,
    items: &'a [u8],
    item_size: usize,
    is_bool: bool,
    /// The bytes of the value that counts as 0.
    off: &'a [u8],
}

impl<'a> Pixels<'a> {
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

    /// What images along these axes would cost, as far as a sample tells.
    fn cost(&self, axes: ImageAxes) -> Option<Cost> {
        let (stack, form) = axes.form(self.header).ok()??;
        let &[.., height, width] = stack.as_slice() else { return None };
        let images: usize = stack[..stack.len() - 2].iter().product();
        if height < 2 || width == 0 || images == 0 {
            return None;
        }
        let steps = self.steps(&stack, form.as_ref().and_then(|form| form.axes));
        let columns = width.min(PIXELS / 2);
        let rows = height.min(PIXELS / columns);
        let [down, right] = [steps[stack.len() - 2], steps[stack.len() - 1]];
        let (mut surprises, mut edges, mut seen) = (0_usize, 0_usize, 0_usize);
        for band in 0..BANDS {
            let image = place(band * images / BANDS, &stack[..stack.len() - 2], &steps);
            let start = image + band * SPREAD % (height - rows + 1) * down;
            let is_edge = |y: usize, x: usize| {
                let place = start + y * down + x * right;
                x > 0 && x < columns && self.bit(place) != self.bit(place - right)
            };
            // An edge that the other row has not within a pixel.
            let is_alone = |y: usize, x: usize, other: usize| {
                is_edge(y, x) && !(x.saturating_sub(1)..=x + 1).any(|x| is_edge(other, x))
            };
            for y in 1..rows {
                let alone = |&x: &usize| is_alone(y, x, y - 1) || is_alone(y - 1, x, y);
                surprises += (1..columns).filter(alone).count();
                edges += (1..columns).filter(|&x| is_edge(y, x)).count();
            }
            seen += (rows - 1) * (columns - 1);
        }
        let part = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        (seen > 0).then(|| Cost { surprises: part(surprises, seen), breaks: part(surprises, 2 * edges) })
    }

    /// How many items apart neighbours along each axis of the stack lie.
    fn steps(&self, stack: &[usize], axes: Option<[usize; 2]>) -> Vec<usize> {
        let of_c_order = |shape: &[usize]| {
            let mut steps = vec![1; shape.len()];
            (1..shape.len()).rev().for_each(|axis| steps[axis - 1] = steps[axis] * shape[axis]);
            steps
        };
        let shape = &self.header.shape;
        let of_array = if self.header.fortran_order {
            let reversed: Vec<usize> = shape.iter().rev().copied().collect();
            of_c_order(&reversed).into_iter().rev().collect()
        } else {
            of_c_order(shape)
        };
        match axes {
            Some(axes) => permutation(axes, shape.len()).map(|axis| of_array[axis]).collect(),
            None if self.header.fortran_order => of_array,
            None => of_c_order(stack),
        }
    }
}

/// Where the image with this number starts, of images along axes of these lengths and steps.
fn place(mut image: usize, lengths: &[usize], steps: &[usize]) -> usize {
    let mut place = 0;
    for (&length, &step) in lengths.iter().zip(steps).rev() {
        place += image % length * step;
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
    fn are_axes_found_that_make_images_smaller() {
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
        // A page is no stack of flat images.
        let page =
            ndarray::Array2::from_shape_fn((300, 400), |(y, x)| y % 20 < 9 && (x + y / 20 * 7) % 17 < 8);
        assert_eq!(text(DynArray::from_ndarray(&page)), None);
        assert_eq!(text(DynArray::from_ndarray(&Array3::<f32>::from_elem((9, 40, 40), 0.5))), None);
    }
}
