//! Explicit congestion notification through tunnels: what the outer header says of the inner one.
//!
//! A router that is congested marks the outer header. Where the tunnel ends, the mark has to reach
//! the inner header, or the sender never slows down. Functions take and give the whole traffic
//! class: the IPv4 "type of service" byte, or the IPv6 traffic class, whose two low bits are ECN.
//! Source: RFC 6040, sections 4.1 and 4.2; the names are those of RFC 3168.

/// The ECN bits of a traffic class.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// The transport does not understand ECN: congestion shows by loss.
    NotEct = 0b00,
    /// Understands it, codepoint ECT(1).
    Ect1 = 0b01,
    /// Understands it, codepoint ECT(0).
    Ect0 = 0b10,
    /// Congestion was experienced on the way.
    Ce = 0b11,
}

impl Ecn {
    /// The ECN bits of a traffic class.
    pub const MASK: u8 = 0b11;

    /// All four, by their numbers.
    pub const ALL: [Self; 4] = [Self::NotEct, Self::Ect1, Self::Ect0, Self::Ce];

    /// Of a traffic class.
    #[inline(always)]
    pub const fn of(traffic_class: u8) -> Self {
        match traffic_class & Self::MASK {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The traffic class with these ECN bits.
    #[inline(always)]
    pub const fn set_in(self, traffic_class: u8) -> u8 {
        (traffic_class & !Self::MASK) | self as u8
    }
}

/// The traffic class of the outer header, from that of the packet which goes in: DSCP and ECN are
/// copied, the "normal mode" of RFC 6040, section 4.1.
#[inline(always)]
pub const fn encapsulate(inner: u8) -> u8 {
    inner
}

/// The ECN bits of the packet that comes out, from those of both headers (RFC 6040, section 4.2).
///
/// `None`: the outer header says that congestion was experienced, to a transport that understands
/// nothing but loss. The packet must be dropped.
#[inline(always)]
pub const fn decapsulate(inner: Ecn, outer: Ecn) -> Option<Ecn> {
    match (inner, outer) {
        (Ecn::NotEct, Ecn::Ce) => None,
        (Ecn::NotEct, _) => Some(Ecn::NotEct),
        (_, Ecn::Ce) | (Ecn::Ce, _) => Some(Ecn::Ce),
        (Ecn::Ect0, Ecn::Ect1) => Some(Ecn::Ect1),
        (Ecn::Ect0 | Ecn::Ect1, _) => Some(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_ECT: Option<Ecn> = Some(Ecn::NotEct);
    const ECT_0: Option<Ecn> = Some(Ecn::Ect0);
    const ECT_1: Option<Ecn> = Some(Ecn::Ect1);
    const CE: Option<Ecn> = Some(Ecn::Ce);

    #[test]
    fn decapsulation_is_figure_4_of_rfc_6040() {
        let outers = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];
        let figure = [
            (Ecn::NotEct, [NOT_ECT, NOT_ECT, NOT_ECT, None]),
            (Ecn::Ect0, [ECT_0, ECT_0, ECT_1, CE]),
            (Ecn::Ect1, [ECT_1, ECT_1, ECT_1, CE]),
            (Ecn::Ce, [CE, CE, CE, CE]),
        ];
        for (inner, row) in figure {
            for (outer, expected) in outers.into_iter().zip(row) {
                assert_eq!(decapsulate(inner, outer), expected, "{inner:?} in {outer:?}");
            }
        }
    }

    #[test]
    fn bits_are_read_from_and_written_to_any_traffic_class() {
        for ecn in Ecn::ALL {
            for traffic_class in 0..=u8::MAX {
                let set = ecn.set_in(traffic_class);
                assert_eq!(Ecn::of(set), ecn);
                assert_eq!(set & !Ecn::MASK, traffic_class & !Ecn::MASK, "DSCP stays");
            }
        }
    }

    #[test]
    fn what_nobody_marked_comes_out_as_it_went_in() {
        for traffic_class in 0..=u8::MAX {
            let outer = encapsulate(traffic_class);
            assert_eq!(outer, traffic_class, "normal mode: DSCP and ECN are copied");
            let inner = Ecn::of(traffic_class);
            assert_eq!(decapsulate(inner, Ecn::of(outer)), Some(inner));
        }
    }
}
