//! The server id in a connection id.
//!
//! Source: draft-ietf-quic-load-balancers-21, section 5.

use core::fmt;

use super::{
    ConnectionId, KEY_LENGTH, LONGEST_CONNECTION_ID, LONGEST_SERVER_ID, SHORTEST_NONCE,
    aes::{self, Block, RoundKeys},
};

/// A server id, filled up with zeros.
///
/// Its length is that of its configuration, and the same for all servers of a service.
#[repr(C, align(4))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub [u8; 16]);

impl ServerId {
    /// The id with these bytes; none where there are too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut id = [0; 16];
        id.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (bytes.len() <= usize::from(LONGEST_SERVER_ID)).then_some(Self(id))
    }
}

/// What names a server of a service: the key of `QUIC_SERVERS`.
///
/// No padding. The config rotation is no part of it: a server has one id under all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicServerKey {
    /// Id of the service.
    pub service: u32,
    /// The server's id.
    pub server: ServerId,
}

const _: () = assert!(size_of::<QuicServerKey>() == 20);

/// What names a configuration of a service: the key of `QUIC_CONFIGS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicConfigKey {
    /// Id of the service.
    pub service: u32,
    /// Config rotation, 0 to 6.
    pub rotation: u32,
}

const _: () = assert!(size_of::<QuicConfigKey>() == 8);

/// How the server id lies in the connection ids of one config rotation: the value of `QUIC_CONFIGS`.
///
/// All that can be computed once is: userspace leaves lengths, masks and round keys.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QuicLbConfig {
    /// The bits of a block that are the server id.
    server_id: Block,
    /// The bits of a half that are its own, four-pass only: they share a byte in the middle. Each
    /// half has at most 10 bytes, at the beginning of a block.
    left: Block,
    right: Block,
    /// Of encryption for four passes, of decryption for a single one.
    keys: RoundKeys,
    /// Length of server ids, 1 to 15.
    server_id_length: u8,
    /// Length of nonces, 4 to 18.
    nonce_length: u8,
    /// A [`Form`] as its number.
    form: u8,
    /// Always 0.
    zero: u8,
    /// Always 0.
    zero2: u32,
}

const _: () = assert!(size_of::<QuicLbConfig>() == 232);

/// Where [`QuicLbConfig::server_id`] works: the kernel program's stack has no room for it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Halves {
    left: Block,
    right: Block,
}

/// How server id and nonce are written.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// In the open.
    Plain = 0,
    /// As one encrypted block: together they have 16 bytes.
    SinglePass = 1,
    /// As the two halves of a Feistel network of four rounds.
    FourPass = 2,
}

/// Says everything but the keys.
impl fmt::Debug for QuicLbConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("QuicLbConfig")
            .field("server_id_length", &self.server_id_length)
            .field("nonce_length", &self.nonce_length)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

impl QuicLbConfig {
    /// A configuration; none where the lengths are not what the draft allows (section 5.3): a
    /// server id, a nonce of at least 4 bytes, and 19 bytes in all.
    pub fn new(
        server_id_length: u8,
        nonce_length: u8,
        key: Option<&[u8; KEY_LENGTH]>,
    ) -> Option<Self> {
        let length = server_id_length.checked_add(nonce_length)?;
        let is_valid = server_id_length > 0
            && nonce_length >= SHORTEST_NONCE
            && length < LONGEST_CONNECTION_ID;
        if !is_valid {
            return None;
        }
        let (form, keys) = match key {
            None => (Form::Plain, [0; 44]),
            Some(key) if length == 16 => (Form::SinglePass, aes::decryption_keys(key)),
            Some(key) => (Form::FourPass, aes::encryption_keys(key)),
        };
        let whole = u32::from(length) * 8;
        let half = u32::from(length) * 4;
        let rounded = whole.div_ceil(16) * 8;
        Some(Self {
            server_id: block_of(bits(0, u32::from(server_id_length) * 8)),
            left: block_of(bits(0, half)),
            right: block_of(bits(rounded - half, rounded)),
            keys,
            server_id_length,
            nonce_length,
            form: form as u8,
            zero: 0,
            zero2: 0,
        })
    }

    /// Length of server ids.
    #[inline(always)]
    pub const fn server_id_length(&self) -> u8 {
        self.server_id_length
    }

    /// Length of nonces.
    #[inline(always)]
    pub const fn nonce_length(&self) -> u8 {
        self.nonce_length
    }

    /// Whether server ids are encrypted.
    pub const fn is_encrypted(&self) -> bool {
        self.form != Form::Plain as u8
    }

    /// The server id in a connection id of this configuration; none where the id is too short.
    ///
    /// Any other id of its length has one too: only a look-up tells whether a server has it.
    #[inline(always)]
    pub fn server_id(&self, id: &ConnectionId, halves: &mut Halves) -> Option<ServerId> {
        let length = u32::from(self.server_id_length) + u32::from(self.nonce_length);
        if id.length <= length {
            return None;
        }
        let [_, behind_first @ ..] = &id.bytes;
        let block = Block(words(behind_first.first_chunk::<16>()?));
        if self.form == Form::FourPass as u8 {
            self.four_pass(behind_first, length, block, halves)?;
        } else {
            halves.left = block;
            if self.form == Form::SinglePass as u8 {
                aes::decrypt(&self.keys, &mut halves.left);
            }
        }
        Some(ServerId(octets(masked(halves.left, &self.server_id))))
    }

    /// Leaves the first 16 bytes of what was encrypted in the left half, as far as a server id
    /// reaches.
    #[inline(always)]
    fn four_pass(
        &self,
        bytes: &[u8; 31],
        length: u32,
        block: Block,
        Halves { left, right }: &mut Halves,
    ) -> Option<()> {
        *left = masked(block, &self.left);
        // At most 9; the mask tells so to the verifier.
        let middle = (length / 2) & 15;
        let behind: &[u8; 16] = bytes.get(middle as usize..)?.first_chunk()?;
        *right = masked(Block(words(behind)), &self.right);
        let length = length << 8;
        self.pass(length | 4, right, left, &self.left);
        self.pass(length | 3, left, right, &self.right);
        self.pass(length | 2, right, left, &self.left);
        if self.nonce_length < self.server_id_length {
            self.pass(length | 1, left, right, &self.right);
            // Behind the left half, but for the byte that both share.
            moved_back(right, middle);
            left.0.iter_mut().zip(right.0).for_each(|(left, right)| *left |= right);
        }
        Some(())
    }

    /// One round of the network: what `from` encrypts to, added to `to`.
    ///
    /// A function of its own, so that the kernel program's stack holds its block once.
    #[inline(never)]
    fn pass(&self, length_and_pass: u32, from: &Block, to: &mut Block, mask: &Block) {
        let Block([a, b, c, _]) = *from;
        let mut block = Block([a, b, c, length_and_pass]);
        aes::encrypt(&self.keys, &mut block);
        let sum = masked(block, mask);
        to.0.iter_mut().zip(sum.0).for_each(|(to, sum)| *to ^= sum);
    }
}

/// Moves a half back by 2 to 9 bytes; what goes beyond the block is lost.
#[inline(always)]
fn moved_back(half: &mut Block, bytes: u32) {
    let Block([a, b, c, _]) = *half;
    let (high, low) = ((u64::from(a) << 32) | u64::from(b), u64::from(c) << 32);
    let bits = bytes * 8;
    let [high, low] = if bits < 64 {
        [high.unbounded_shr(bits), low.unbounded_shr(bits) | high.unbounded_shl(64 - bits)]
    } else {
        [0, high.unbounded_shr(bits - 64)]
    };
    half.0 = [upper(high), lower(high), upper(low), lower(low)];
}

#[inline(always)]
fn masked(mut block: Block, mask: &Block) -> Block {
    block.0.iter_mut().zip(mask.0).for_each(|(word, mask)| *word &= mask);
    block
}

#[inline(always)]
const fn upper(number: u64) -> u32 {
    (number >> 32) as u32
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "takes the lower half")]
const fn lower(number: u64) -> u32 {
    number as u32
}

/// Bytes as words. On the BPF target they are read as words too.
#[inline(always)]
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    const { assert!(WORDS * 4 == BYTES) };
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

#[inline(always)]
fn octets(Block(words): Block) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

/// The bits from `first` up to `end` of a block, counted from its beginning.
fn bits(first: u32, end: u32) -> u128 {
    let from = |bit: u32| u128::MAX.unbounded_shr(bit);
    from(first) & !from(end)
}

fn block_of(bits: u128) -> Block {
    Block(words(&bits.to_be_bytes()))
}
