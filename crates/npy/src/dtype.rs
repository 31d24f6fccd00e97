//! Dtypes: the type of one item of an array.

use std::fmt;

use crate::element::Element;
use crate::kind::{ByteOrder, Kind};
use crate::repr::{ShapeRepr, StringRepr};

/// The type of one item of an array, like `np.dtype`.
///
/// [`Display`](fmt::Display) writes the `descr` of a header: a type string such as `'<f4'`, or a list of
/// fields.
///
/// ```
/// use bitnpz_npy::{ByteOrder, Dtype, Kind};
///
/// let dtype: Dtype = Dtype::from_type_string(">u2")?;
/// assert_eq!((dtype.kind(), dtype.item_size(), dtype.order()), (Some(Kind::Uint), 2, ByteOrder::Big));
/// assert_eq!(Dtype::of::<bool>().to_string(), "'|b1'");
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dtype(pub(crate) ItemType);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ItemType {
    Scalar {
        kind: Kind,
        order: ByteOrder,
        size: usize,
    },
    /// A date or time span. The unit is written as in a type string: `[ns]`, or empty for a generic one.
    Date {
        kind: Kind,
        order: ByteOrder,
        unit: Box<str>,
    },
    Record(Box<Record>),
}

impl Dtype {
    /// Returns the dtype of a Rust type, in the machine's byte order.
    #[must_use]
    pub fn of<T: Element>() -> Self {
        let size = size_of::<T>();
        let order = if size == 1 { ByteOrder::None } else { ByteOrder::NATIVE };
        Self(ItemType::Scalar { kind: T::KIND, order, size })
    }

    /// Returns the kind, or `None` for a dtype with fields.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        match &self.0 {
            ItemType::Scalar { kind, .. } | ItemType::Date { kind, .. } => Some(*kind),
            ItemType::Record(_) => None,
        }
    }

    /// Returns the size of one item in bytes, like `np.dtype.itemsize`.
    #[must_use]
    pub fn item_size(&self) -> usize {
        match &self.0 {
            ItemType::Scalar { size, .. } => *size,
            ItemType::Date { .. } => 8,
            ItemType::Record(record) => record.item_size(),
        }
    }

    /// Returns the byte order; [`ByteOrder::None`] for a dtype with fields, each of which has its own.
    #[must_use]
    pub fn order(&self) -> ByteOrder {
        match &self.0 {
            ItemType::Scalar { order, .. } | ItemType::Date { order, .. } => *order,
            ItemType::Record(_) => ByteOrder::None,
        }
    }

    /// Returns `true` if items can be used without swapping bytes.
    #[must_use]
    pub fn is_native(&self) -> bool {
        match &self.0 {
            ItemType::Record(record) => record.fields().all(|field| field.dtype().is_native()),
            _ => self.order() == ByteOrder::None || self.order() == ByteOrder::NATIVE,
        }
    }

    /// Returns the fields, or `None` for a dtype without fields.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match &self.0 {
            ItemType::Record(record) => Some(record),
            _ => None,
        }
    }

    /// Returns the field of this name, like `dtype.fields[name]`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.record()?.fields().find(|field| field.name() == name)
    }

    /// Returns the type string, like `np.dtype.str`: `<f4`; `|V12` for a dtype with fields.
    #[must_use]
    pub fn type_string(&self) -> String {
        match &self.0 {
            ItemType::Scalar { kind, order, size } => {
                let count = if *kind == Kind::Unicode { size / 4 } else { *size };
                format!("{}{}{count}", order.mark(), kind.letter())
            }
            ItemType::Date { kind, order, unit } => format!("{}{}8{unit}", order.mark(), kind.letter()),
            ItemType::Record(record) => format!("|V{}", record.item_size()),
        }
    }

    /// Returns the size in bytes of the parts of an item that each have the byte order.
    pub(crate) fn swap_size(&self) -> usize {
        match self.kind() {
            Some(Kind::Complex) => self.item_size() / 2,
            Some(Kind::Unicode) => 4,
            _ => self.item_size(),
        }
    }

    /// Returns the same dtype in the machine's byte order.
    #[must_use]
    pub fn to_native(&self) -> Self {
        let native = |order: ByteOrder| if order == ByteOrder::None { order } else { ByteOrder::NATIVE };
        Self(match &self.0 {
            ItemType::Scalar { kind, order, size } => {
                ItemType::Scalar { kind: *kind, order: native(*order), size: *size }
            }
            ItemType::Date { kind, order, unit } => {
                ItemType::Date { kind: *kind, order: native(*order), unit: unit.clone() }
            }
            ItemType::Record(record) => ItemType::Record(Box::new(record.to_native())),
        })
    }
}

impl From<Record> for Dtype {
    fn from(record: Record) -> Self {
        Self(ItemType::Record(Box::new(record)))
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ItemType::Record(record) => record.fmt(f),
            _ => write!(f, "'{}'", self.type_string()),
        }
    }
}

/// A dtype with fields, like `np.dtype([('x', '<f4'), ('y', '<f4')])`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// All fields in order, including padding: fields with an empty name.
    pub(crate) fields: Vec<Field>,
    pub(crate) item_size: usize,
}

/// One field of a structured dtype.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) offset: usize,
}

impl Field {
    /// Returns the field's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the field's title, NumPy's optional second name.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns the type of the field's values, of which it holds an array of [`shape`](Self::shape).
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Returns the shape of the array in the field; empty for a single value.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the field's offset in an item, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the field's size in an item, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.dtype.item_size() * self.shape.iter().product::<usize>()
    }

    /// Returns `true` for padding between fields, which aligned dtypes have.
    pub(crate) fn is_padding(&self) -> bool {
        self.name.is_empty()
    }
}

impl Record {
    /// Returns the named fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.is_padding())
    }

    /// Returns the size of one item in bytes.
    #[must_use]
    pub fn item_size(&self) -> usize {
        self.item_size
    }

    pub(crate) fn to_native(&self) -> Self {
        let native = |field: &Field| Field { dtype: field.dtype.to_native(), ..field.clone() };
        Self { fields: self.fields.iter().map(native).collect(), item_size: self.item_size }
    }
}

/// Formats the fields like `np.dtype.descr`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, field) in self.fields.iter().enumerate() {
            f.write_str(if i == 0 { "(" } else { ", (" })?;
            match &field.title {
                Some(title) => write!(f, "({}, {})", StringRepr(title), StringRepr(&field.name))?,
                None => StringRepr(&field.name).fmt(f)?,
            }
            write!(f, ", {}", field.dtype)?;
            if !field.shape.is_empty() {
                write!(f, ", {}", ShapeRepr(&field.shape))?;
            }
            f.write_str(")")?;
        }
        f.write_str("]")
    }
}
