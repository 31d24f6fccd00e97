//! The image sets of an archive that is being written.

use bitnpz_npy::{Dtype, DynArrayView, with_room};
use bitnpz_npz::AtomicFile;

use super::ledger::Ledger;
use super::stack::{SetStack, Stack};
use super::writer::{c_order, unfit_error};
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, Palette};
use crate::set::{KeySet, SETS, SetOptions, SetWriter, Sets, StoredSet};

/// Stacks of fewer bytes of packed rows are not worth the members of a set: they are packed.
pub(super) const SMALL_STACK: usize = 4096;

/// Nor are fewer images under keys of their own.
const FEW_IMAGES: usize = 8;

/// More sets of images under keys of their own are not kept in memory; images of yet another kind are packed.
const MOST_SETS: usize = 8;

/// Writes the image sets of an archive.
#[derive(Debug)]
pub(super) struct SetsWriter {
    options: SetOptions,
    names: Sets,
    keys: KeySet,
    /// The sets of images that have keys of their own, one for each pair of values.
    open: Vec<(Palette, SetWriter)>,
    /// The stacks that more may come for.
    pub(super) stacks: Vec<SetStack>,
}

/// What is not worth a set: its key, its shape, its kind and its packed rows.
pub(super) type Lone = (String, Vec<usize>, PackedKind, Vec<u8>);

impl SetsWriter {
    pub(super) fn new(options: SetOptions) -> Self {
        Self {
            options,
            names: Sets::default(),
            keys: KeySet::default(),
            open: Vec::new(),
            stacks: Vec::new(),
        }
    }

    /// Whether there are no sets.
    pub(super) fn is_empty(&self) -> bool {
        self.names.0.is_empty()
    }

    /// Whether a key is taken.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.keys.contains(bitnpz_npz::identity(key))
    }

    /// Makes a key taken.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        // Of `.npy` nothing is left to find it by.
        let identity = bitnpz_npz::identity(key);
        bitnpz_npz::check_name(identity).map_err(|error| Error::from(error).with_key(key))?;
        if self.keys.insert(identity) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::DuplicateKey).with_key(key))
    }

    /// Takes over a set of another archive: more can be added to it.
    pub(super) fn resume(&mut self, zip: &bitnpz_npz::Archive, set: &StoredSet) -> Result<()> {
        self.names.0.push(set.name().to_owned());
        let palette = Palette::of(&set.kind(0));
        let writer = set.to_writer(zip, self.options.with_items(palette.dtype()))?;
        if let Some((key, shape)) = set.stack() {
            self.claim(key)?;
            let stack = Stack::resume(key, shape.to_vec(), palette);
            self.stacks.push(SetStack { stack, set: writer });
            return Ok(());
        }
        for image in 0..set.len() {
            self.claim(&set.key(zip, image))?;
        }
        self.open.push((palette, writer));
        Ok(())
    }

    /// Starts the set of a stack whose key is claimed.
    pub(super) fn start_stack(&mut self, stack: Stack) -> SetStack {
        SetStack { set: self.start(&stack.key, stack.dtype()), stack }
    }

    /// Starts a set for what is saved under this key.
    fn start(&mut self, key: &str, dtype: &Dtype) -> SetWriter {
        let is_simple = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_free = |name: &str| !self.names.0.iter().any(|taken| taken == name);
        let is_name =
            key.len() <= 64 && key.contains(is_simple) && key.chars().all(is_simple) && is_free(key);
        let name = if is_name {
            key.to_owned()
        } else {
            let mut numbers = self.names.0.len()..;
            numbers
                .by_ref()
                .map(|number| number.to_string())
                .find(|name| is_free(name))
                .expect("numbers go on")
        };
        self.names.0.push(name.clone());
        SetWriter::new(name, self.options.with_items(dtype))
    }

    /// Packs one image, in the values of a set there is, or else in its own.
    pub(super) fn pack(&self, image: &DynArrayView<'_>) -> Result<(Palette, Vec<u8>)> {
        let (dtype, shape) = (image.dtype(), image.shape());
        let Some(own) = Palette::new(dtype) else {
            return Err(ErrorKind::NotImages { dtype: dtype.clone(), shape: shape.to_vec() }.into());
        };
        let pixels = c_order(image)?;
        let mut rows = with_room(own.rows_len(&pixels, shape[1]))?;
        for (palette, _) in self.open.iter().filter(|(palette, _)| palette.dtype() == dtype) {
            let mut palette = palette.clone();
            rows.clear();
            if palette.pack(&pixels, shape[1], &mut rows).is_ok() {
                return Ok((palette, rows));
            }
        }
        let mut palette = own;
        rows.clear();
        palette.pack(&pixels, shape[1], &mut rows).map_err(|unfit| unfit_error(&unfit, 0, shape))?;
        Ok((palette, rows))
    }

    /// Whether there is a set for images of these values, or room for one more.
    pub(super) fn take(&self, palette: &Palette) -> bool {
        self.open.len() < MOST_SETS || self.open.iter().any(|(other, _)| other.agrees_with(palette))
    }

    /// Adds an image, packed in these values, to the set of images like it.
    pub(super) fn push(
        &mut self,
        zip: &mut bitnpz_npz::Writer<AtomicFile>,
        key: &str,
        size: [usize; 2],
        palette: Palette,
        rows: &[u8],
    ) -> Result<()> {
        let place = match self.open.iter().position(|(other, _)| other.agrees_with(&palette)) {
            Some(place) => {
                self.open[place].0 = palette;
                place
            }
            None => {
                let set = self.start("images", palette.dtype());
                self.open.push((palette, set));
                self.open.len() - 1
            }
        };
        self.open[place].1.push(zip, rows, size, Some(bitnpz_npz::identity(key)))
    }

    /// Ends a stack; gives it back if it is not worth a set.
    pub(super) fn finish_stack(
        &mut self,
        zip: &mut bitnpz_npz::Writer<AtomicFile>,
        ledger: &mut Ledger,
        SetStack { stack, set }: SetStack,
    ) -> Result<Option<Lone>> {
        let rows = || set.images().map(|(_, _, rows)| rows);
        if set.is_unwritten() && rows().map(<[u8]>::len).sum::<usize>() < SMALL_STACK {
            self.names.0.retain(|name| name != set.name());
            let rows = rows().flatten().copied().collect();
            return Ok(Some((stack.key.clone(), stack.shape.clone(), stack.kind(), rows)));
        }
        set.finish(zip, stack.kind(), Some((stack.key.clone(), stack.shape.clone())))?;
        ledger.note_set(1, stack.images());
        Ok(None)
    }

    /// Ends all sets, and gives back what is not worth one.
    pub(super) fn finish(
        &mut self,
        zip: &mut bitnpz_npz::Writer<AtomicFile>,
        ledger: &mut Ledger,
    ) -> Result<Vec<Lone>> {
        let mut lone = Vec::new();
        for stack in std::mem::take(&mut self.stacks) {
            lone.extend(self.finish_stack(zip, ledger, stack)?);
        }
        for (palette, set) in std::mem::take(&mut self.open) {
            let kind = |width| PackedKind { dtype: palette.dtype().clone(), bits: palette.bits(), width };
            if set.len() < FEW_IMAGES && set.is_unwritten() {
                self.names.0.retain(|name| name != set.name());
                let images = set.images();
                lone.extend(images.filter_map(|(key, size, rows)| {
                    Some((key?, size.to_vec(), kind(size[1]), rows.to_vec()))
                }));
            } else {
                let images = set.len();
                set.finish(zip, kind(0), None)?;
                ledger.note_set(images, images);
            }
        }
        if !self.names.0.is_empty() {
            zip.add(SETS, self.names.to_json())?;
        }
        Ok(lone)
    }
}
