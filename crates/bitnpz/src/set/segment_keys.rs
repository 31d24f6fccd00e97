//! The keys of a segment in an archive.

use bitnpz_npz::Archive;

use super::blob::Blob;
use super::description::KeysDescription;
use super::keys::{KeyTable, KeysError, KeysView, Pattern, TableKeys, TextKeys};
use crate::error::{ErrorKind, Result};

/// The keys of a segment's images.
#[derive(Debug)]
pub(super) enum SegmentKeys {
    /// The images have none of their own.
    None,
    Pattern(Pattern),
    Table(Box<TableKeys>),
    Text {
        keys: Blob,
        is_sorted: bool,
    },
}

impl SegmentKeys {
    /// Opens the keys of so many images, which are in this member if they have one.
    pub(super) fn open(
        zip: &Archive,
        member: &str,
        description: Option<&KeysDescription>,
        images: usize,
    ) -> Result<Self> {
        let damaged = |member: &str, message: &str| ErrorKind::Damaged {
            member: member.to_owned(),
            message: message.to_owned(),
        };
        match description {
            None => Ok(Self::None),
            Some(KeysDescription::Pattern(pattern)) => Ok(Self::Pattern(pattern.clone())),
            Some(&KeysDescription::Text { sorted: is_sorted }) => {
                let keys = Blob::open(zip, member)?.in_memory(zip)?;
                let fault = match TextKeys::new(&keys.bytes(zip)?, images, is_sorted) {
                    None => Some("expected more keys, found the end"),
                    Some(keys) if !keys.are_blocks_apart() => {
                        Some("expected blocks of keys that follow each other, found others")
                    }
                    Some(_) => None,
                };
                if let Some(fault) = fault {
                    return Err(damaged(keys.member(), fault).into());
                }
                Ok(Self::Text { keys, is_sorted })
            }
            Some(KeysDescription::Table) => {
                let blob = Blob::open(zip, member)?;
                match KeyTable::read(&blob.bytes(zip)?, images) {
                    Ok(table) => Ok(Self::Table(Box::new(TableKeys::new(table)))),
                    Err(KeysError::Damaged(message)) => Err(damaged(blob.member(), message).into()),
                    Err(KeysError::OutOfMemory(error)) => Err(error.into()),
                }
            }
        }
    }

    /// Calls `with` with the keys of so many images, if they have any.
    pub(super) fn with<R>(
        &self,
        zip: &Archive,
        images: usize,
        with: impl FnOnce(KeysView<'_>) -> Option<R>,
    ) -> Option<R> {
        match self {
            Self::None => None,
            Self::Pattern(pattern) => with(KeysView::Pattern(pattern, images)),
            Self::Table(keys) => with(KeysView::Table(keys)),
            Self::Text { keys, is_sorted } => {
                with(KeysView::Text(TextKeys::new(&keys.bytes(zip).ok()?, images, *is_sorted)?))
            }
        }
    }
}
