//! AES-128, one block at a time, in the way that a BPF program can run it.
//!
//! A round is sixteen look-ups in a table of 1 KiB that holds the substitution and the mixing of
//! columns in one (J. Daemen and V. Rijmen, "AES Proposal: Rijndael", section 5.2.1). Decryption is
//! the same walk through another table, with the keys of the equivalent inverse cipher and the
//! columns in opposite order, so there is one function for the verifier to read.
//!
//! Tables take time that depends on what is looked up. Who can measure that on the balancer learns
//! about a key whose only secret is which server a connection is on; a key that protects more must
//! not be used here.
//!
//! Source: FIPS 197.

/// A block as four columns, each a big-endian word.
///
/// Aligned, for on the kernel program's stack two columns may be read as one word.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block(pub [u32; 4]);
/// The keys of all rounds, in the order of their use.
pub type RoundKeys = [u32; 44];

/// Rounds between the first key and the last round, which does not mix columns.
const MIXING_ROUNDS: usize = 9;

/// A key as four words.
const fn words(key: &[u8; 16]) -> [u32; 4] {
    let number = u128::from_be_bytes(*key);
    #[expect(clippy::cast_possible_truncation, reason = "each takes its 32 bits")]
    [(number >> 96) as u32, (number >> 64) as u32, (number >> 32) as u32, number as u32]
}

/// Doubles a polynomial over GF(2) modulo that of AES (FIPS 197, section 4.2.1).
const fn double(value: u8) -> u8 {
    (value << 1) ^ (if value & 0x80 == 0 { 0 } else { 0x1b })
}

/// Multiplies in that field.
const fn times(value: u8, factor: u8) -> u8 {
    let mut product = 0;
    let (mut power, mut left) = (value, factor);
    while left != 0 {
        if left & 1 == 1 {
            product ^= power;
        }
        power = double(power);
        left >>= 1;
    }
    product
}

/// The substitution of one byte and its inverse (FIPS 197, section 5.1.1).
#[expect(clippy::indexing_slicing, reason = "runs in the compiler, on indices of one byte")]
const fn boxes() -> ([u8; 256], [u8; 256]) {
    let (mut forward, mut inverse) = ([0; 256], [0; 256]);
    // `power` runs through every element but 0 as powers of 3, `reciprocal` as powers of its inverse.
    let (mut power, mut reciprocal) = (1_u8, 1_u8);
    loop {
        let substitute = substitute(reciprocal);
        forward[power as usize] = substitute;
        inverse[substitute as usize] = power;
        power = times(power, 3);
        reciprocal = times(reciprocal, 0xf6);
        if power == 1 {
            break;
        }
    }
    forward[0] = substitute(0);
    inverse[substitute(0) as usize] = 0;
    (forward, inverse)
}

const fn substitute(reciprocal: u8) -> u8 {
    let value = reciprocal;
    let turned = value.rotate_left(1) ^ value.rotate_left(2) ^ value.rotate_left(3);
    value ^ turned ^ value.rotate_left(4) ^ 0x63
}

/// For each byte: its substitute, times each of a column's factors.
#[expect(clippy::indexing_slicing, reason = "runs in the compiler, on indices of one byte")]
const fn mixed(substitutes: &[u8; 256], [a, b, c, d]: [u8; 4]) -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let one = substitutes[byte];
        table[byte] =
            u32::from_be_bytes([times(one, a), times(one, b), times(one, c), times(one, d)]);
        byte += 1;
    }
    table
}

static SUBSTITUTES: [u8; 256] = boxes().0;
static INVERSES: [u8; 256] = boxes().1;
static ENCRYPTION: [u32; 256] = mixed(&boxes().0, [2, 1, 1, 3]);
static DECRYPTION: [u32; 256] = mixed(&boxes().1, [14, 9, 13, 11]);

/// Encrypts a block in place with [`encryption_keys`].
#[inline(always)]
pub fn encrypt(keys: &RoundKeys, block: &mut Block) {
    walk(&ENCRYPTION, &SUBSTITUTES, keys, block);
}

/// Decrypts a block in place with [`decryption_keys`].
#[inline(always)]
pub fn decrypt(keys: &RoundKeys, block: &mut Block) {
    block.0.swap(1, 3);
    walk(&DECRYPTION, &INVERSES, keys, block);
    block.0.swap(1, 3);
}

/// All rounds. A function of its own: the verifier's log and the program hold it once.
#[inline(never)]
fn walk(table: &[u32; 256], last: &[u8; 256], keys: &RoundKeys, block: &mut Block) {
    let (rounds, _) = keys.as_chunks::<4>();
    let Some(key) = rounds.first() else { return };
    let [mut a, mut b, mut c, mut d] = add(block.0, key);
    let mut round = 1;
    while round <= MIXING_ROUNDS {
        // A counter that the compiler knows nothing of stays one: turned into a pointer that is
        // compared with an end, the verifier could not follow it.
        round = core::hint::black_box(round);
        let Some(key) = rounds.get(round) else { return };
        let mixed = [
            column(table, a, b, c, d),
            column(table, b, c, d, a),
            column(table, c, d, a, b),
            column(table, d, a, b, c),
        ];
        [a, b, c, d] = add(mixed, key);
        round += 1;
    }
    let Some(key) = rounds.last() else { return };
    let substituted = [
        substitutes(last, a, b, c, d),
        substitutes(last, b, c, d, a),
        substitutes(last, c, d, a, b),
        substitutes(last, d, a, b, c),
    ];
    block.0 = add(substituted, key);
}

#[inline(always)]
fn add(mut columns: [u32; 4], key: &[u32; 4]) -> [u32; 4] {
    columns.iter_mut().zip(key).for_each(|(column, key)| *column ^= key);
    columns
}

/// A column of the next round: a byte of each column, shifted rows being what the order is for.
#[inline(always)]
fn column(table: &[u32; 256], a: u32, b: u32, c: u32, d: u32) -> u32 {
    let [a, b, c, d] = bytes(a, b, c, d);
    at(table, a)
        ^ at(table, b).rotate_right(8)
        ^ at(table, c).rotate_right(16)
        ^ at(table, d).rotate_right(24)
}

/// The same of the last round.
#[inline(always)]
fn substitutes(table: &[u8; 256], a: u32, b: u32, c: u32, d: u32) -> u32 {
    u32::from_be_bytes(bytes(a, b, c, d).map(|byte| at(table, byte)))
}

/// The first byte of the first word, the second of the second, and so on.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "each takes its 8 bits")]
const fn bytes(a: u32, b: u32, c: u32, d: u32) -> [u8; 4] {
    [(a >> 24) as u8, (b >> 16) as u8, (c >> 8) as u8, d as u8]
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "a byte is always below 256")]
const fn at<T: Copy>(table: &[T; 256], byte: u8) -> T {
    table[byte as usize]
}

/// The round keys of encryption (FIPS 197, section 5.2).
pub fn encryption_keys(key: &[u8; 16]) -> RoundKeys {
    let mut keys = [0; 44];
    let mut word = words(key);
    let mut constant = 1;
    for round in keys.as_chunks_mut::<4>().0 {
        *round = word;
        let [a, b, c, d] = word;
        let turned = d.rotate_left(8).to_be_bytes().map(|byte| at(&SUBSTITUTES, byte));
        let a = a ^ u32::from_be_bytes(turned) ^ (u32::from(constant) << 24);
        word = [a, a ^ b, a ^ b ^ c, a ^ b ^ c ^ d];
        constant = double(constant);
    }
    keys
}

/// The round keys of decryption: those of the equivalent inverse cipher (FIPS 197, section 5.3.5),
/// with columns in the order in which [`decrypt`] has them.
pub fn decryption_keys(key: &[u8; 16]) -> RoundKeys {
    let forward = encryption_keys(key);
    let mut keys = [0; 44];
    let (rounds, _) = keys.as_chunks_mut::<4>();
    let last = rounds.len() - 1;
    for (number, (to, from)) in
        rounds.iter_mut().zip(forward.as_chunks::<4>().0.iter().rev()).enumerate()
    {
        let [a, b, c, d] = *from;
        *to = [a, d, c, b];
        if number != 0 && number != last {
            *to = to.map(unmix);
        }
    }
    keys
}

/// Undoes the mixing of a column (FIPS 197, section 5.3.3).
fn unmix(column: u32) -> u32 {
    let substituted = column.to_be_bytes().map(|byte| at(&SUBSTITUTES, byte));
    // The table substitutes back before it mixes back.
    let [a, b, c, d] = substituted.map(|byte| at(&DECRYPTION, byte));
    a ^ b.rotate_right(8) ^ c.rotate_right(16) ^ d.rotate_right(24)
}
