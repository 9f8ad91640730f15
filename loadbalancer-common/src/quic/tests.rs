//! The draft's vectors, and every form with every length.

use proptest::prelude::*;

use super::{
    ConnectionId, Halves, KEY_LENGTH, QuicLbConfig, ServerId,
    aes::{Block, decrypt, decryption_keys, encrypt, encryption_keys},
    encode,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn key(text: &str) -> [u8; KEY_LENGTH] {
    hex(text).try_into().unwrap()
}

fn block(text: &str) -> Block {
    let bytes = hex(text);
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    Block([word(0), word(4), word(8), word(12)])
}

fn id(bytes: &[u8]) -> ConnectionId {
    let mut id =
        ConnectionId { length: u32::try_from(bytes.len()).unwrap(), ..ConnectionId::EMPTY };
    id.bytes[..bytes.len()].copy_from_slice(bytes);
    id
}

fn read_server(config: &QuicLbConfig, id: &ConnectionId) -> Option<ServerId> {
    config.server_id(id, &mut Halves::default())
}

/// A connection id as it stands in a draft: the id itself, from its parts and back.
fn holds(rotation: u8, server: &str, nonce: &str, key: Option<[u8; 16]>, expected: &str) {
    let (server, nonce) = (hex(server), hex(nonce));
    let encoded = encode(rotation, &server, &nonce, key.as_ref()).unwrap();
    assert_eq!(encoded, id(&hex(expected)), "{expected}");
    assert_eq!(encoded.rotation(), rotation);
    let lengths = [server.len(), nonce.len()].map(|length| u8::try_from(length).unwrap());
    let config = QuicLbConfig::new(lengths[0], lengths[1], key.as_ref()).unwrap();
    assert_eq!(read_server(&config, &encoded), ServerId::new(&server), "{expected}");
}

#[test]
fn the_block_cipher_gives_what_fips_197_says() {
    // Appendices B and C.1.
    for (key_text, plain, cipher) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3243f6a8885a308d313198a2e0370734",
            "3925841d02dc09fbdc118597196a0b32",
        ),
        (
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
    ] {
        let mut text = block(plain);
        encrypt(&encryption_keys(&key(key_text)), &mut text);
        assert_eq!(text, block(cipher));
        decrypt(&decryption_keys(&key(key_text)), &mut text);
        assert_eq!(text, block(plain));
    }
}

#[test]
fn the_last_round_key_is_that_of_fips_197() {
    // Appendix A.1.
    let keys = encryption_keys(&key("2b7e151628aed2a6abf7158809cf4f3c"));
    assert_eq!(keys.last_chunk::<4>(), Some(&block("d014f9a8c9ee2589e13f0cc8b6630ca6").0));
}

#[test]
fn ids_in_the_open_are_those_of_the_draft() {
    // Appendix B.1. The second one's parts are printed with a digit too few and its first byte with
    // one too many; this is what its bytes hold, but for the length in the first byte.
    holds(0, "c4605e", "4504cc4f", None, "07c4605e4504cc4f");
    holds(1, "a350d28b42", "03487d970b", None, "2aa350d28b4203487d970b");
    let printed = id(&hex("20a350d28b4203487d970b"));
    let config = QuicLbConfig::new(5, 5, None).unwrap();
    assert_eq!(printed.rotation(), 1);
    assert_eq!(read_server(&config, &printed), ServerId::new(&hex("a350d28b42")));
}

#[test]
fn encrypted_ids_are_those_of_the_draft() {
    // Appendix B.2. The draft calls the last one's rotation 3, and its first byte says 0.
    let key = Some(key("8f95f09245765f80256934e50c66207f"));
    holds(0, "ed793a", "ee080dbf", key, "0720b1d07b359d3c");
    holds(1, "ed793a51d49b8f5fab65", "ee080dbf48", key, "2fcc381bc74cb4fbad2823a3d1f8fed2");
    holds(2, "ed793a51d49b8f5f", "ee080dbf48c0d1e5", key, "504dd2d05a7b0de9b2b9907afb5ecf8cc3");
    holds(
        0,
        "ed793a51d49b8f5fab",
        "ee080dbf48c0d1e55d",
        key,
        "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc",
    );
}

#[test]
fn the_worked_example_is_that_of_the_draft() {
    // Section 5.4.2.4.
    let key = Some(key("fdf726a9893ec05c0632d3956680baf0"));
    holds(0, "31441a", "9c69c275", key, "0767947d29be054a");
}

#[test]
fn lengths_beyond_the_draft_are_no_configuration() {
    for (server, nonce) in [(0, 4), (1, 3), (16, 4), (1, 19), (10, 10), (255, 4), (4, 255)] {
        assert_eq!(QuicLbConfig::new(server, nonce, None), None, "{server} + {nonce}");
        assert_eq!(encode(0, &vec![1; server.into()], &vec![1; nonce.into()], None), None);
    }
    assert!(QuicLbConfig::new(1, 18, None).is_some() && QuicLbConfig::new(15, 4, None).is_some());
    assert_eq!(encode(7, &[1], &[0; 4], None), None, "the rotation that names no configuration");
}

#[test]
fn keys_do_not_show() {
    let config = QuicLbConfig::new(2, 6, Some(&[0xab; 16])).unwrap();
    let shown = format!("{config:?}");
    assert_eq!(shown, "QuicLbConfig { server_id_length: 2, nonce_length: 6, form: 2, .. }");
}

/// A UDP header and a QUIC packet behind it.
fn datagram(packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + packet.len()).unwrap();
    [&[0, 1, 0, 2], length.to_be_bytes().as_slice(), &[0, 0], packet].concat()
}

/// A long header of a version that nobody knows, with this destination connection id.
fn long(id: &[u8]) -> Vec<u8> {
    let length = u8::try_from(id.len()).unwrap();
    [&[0x80, 0xba, 0xdc, 0x0f, 0xfe, length], id, &[0; 40]].concat()
}

fn read(frame: &[u8]) -> Option<ConnectionId> {
    ConnectionId::of_datagram(frame, 0)
}

#[test]
fn a_long_header_says_where_its_id_ends() {
    let bytes: Vec<u8> = (1..=20).collect();
    for length in 0..=20 {
        let found = read(&datagram(&long(&bytes[..length]))).unwrap();
        assert_eq!(usize::try_from(found.length).unwrap(), length);
        assert_eq!(found.bytes[..length], bytes[..length]);
        assert!(found.is_long);
    }
}

#[test]
fn an_id_of_another_version_may_be_longer_than_any_of_ours() {
    let bytes: Vec<u8> = (0..=254).collect();
    let found = read(&datagram(&long(&bytes))).unwrap();
    assert_eq!((found.length, &found.bytes[..20]), (255, &bytes[..20]));
}

#[test]
fn behind_a_short_header_all_can_be_id() {
    let packet: Vec<u8> = (0x40..0x80).collect();
    let found = read(&datagram(&packet)).unwrap();
    assert_eq!((found.length, &found.bytes[..20]), (63, &packet[1..21]));
    assert!(!found.is_long);
}

#[test]
fn ids_that_do_not_fit_their_datagram_are_none() {
    let mut packet = datagram(&long(&[7; 20]));
    packet[13] = 250;
    assert_eq!(read(&packet), None, "longer than the datagram");
    let packet = datagram(&long(&[7; 20]));
    for length in 0..34 {
        assert_eq!(read(&packet[..length]), None, "a frame of {length} bytes");
    }
    let mut packet = datagram(&[0x40; 30]);
    packet[4..6].copy_from_slice(&8_u16.to_be_bytes());
    assert_eq!(read(&packet), None, "a datagram without data, in a frame that was filled up");
}

#[test]
fn an_id_that_is_too_short_names_no_server() {
    let config = QuicLbConfig::new(2, 4, None).unwrap();
    assert_eq!(read_server(&config, &id(&[0, 1, 2, 3, 4, 5])), None);
    assert_eq!(read_server(&config, &id(&[0, 1, 2, 3, 4, 5, 6])), ServerId::new(&[1, 2]));
}

/// Every pair of lengths that the draft allows.
fn lengths() -> impl Strategy<Value = (usize, usize)> {
    (1_usize..=15).prop_flat_map(|server| (Just(server), 4..=19 - server))
}

proptest! {
    #[test]
    fn what_is_encoded_is_read(
        ((server, nonce), rotation, key, is_encrypted, bytes) in
            (lengths(), 0_u8..7, any::<[u8; 16]>(), any::<bool>(), any::<[u8; 19]>()),
        rest in any::<[u8; 32]>(),
    ) {
        let (id, nonce_bytes) = (&bytes[..server], &bytes[server..server + nonce]);
        let key = is_encrypted.then_some(key);
        let mut encoded = encode(rotation, id, nonce_bytes, key.as_ref()).unwrap();
        prop_assert_eq!(encoded.length, u32::try_from(1 + server + nonce).unwrap());
        prop_assert_eq!(encoded.rotation(), rotation);
        // What follows an id behind a short header.
        let length = 1 + server + nonce;
        encoded.bytes[length..].copy_from_slice(&rest[length..]);
        let [server, nonce] = [server, nonce].map(|length| u8::try_from(length).unwrap());
        let config = QuicLbConfig::new(server, nonce, key.as_ref()).unwrap();
        prop_assert_eq!(config.is_encrypted(), is_encrypted);
        prop_assert_eq!(read_server(&config, &encoded), ServerId::new(id));
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(
        frame in proptest::collection::vec(any::<u8>(), 0..80),
        offset in 0_usize..100,
        (server, nonce) in lengths(),
        key in any::<Option<[u8; 16]>>(),
    ) {
        let [server, nonce] = [server, nonce].map(|length| u8::try_from(length).unwrap());
        let config = QuicLbConfig::new(server, nonce, key.as_ref()).unwrap();
        if let Some(found) = ConnectionId::of_datagram(frame.as_slice(), offset) {
            let server_id = read_server(&config, &found);
            prop_assert_eq!(server_id.is_some(), found.length > u32::from(server + nonce));
        }
    }

    #[test]
    fn decryption_undoes_encryption(secret in any::<[u8; 16]>(), text in any::<[u32; 4]>()) {
        let text = Block(text);
        let mut walked = text;
        encrypt(&encryption_keys(&secret), &mut walked);
        decrypt(&decryption_keys(&secret), &mut walked);
        prop_assert_eq!(walked, text);
    }
}
