//! Packing against a bit-by-bit reading of its definition, and its refusals.

use super::*;
use proptest::prelude::*;

fn format(index_bits: u8, widths: &[(u8, bool)]) -> Format {
    let fields = widths.iter().map(|&(bits, signed)| Field { bits, signed }).collect();
    Format { index_bits, fields }
}

fn any_format() -> impl Strategy<Value = Format> {
    let field = (1u8..=16, any::<bool>()).prop_map(|(bits, signed)| Field { bits, signed });
    (0u8..=16, proptest::collection::vec(field, 1..=8))
        .prop_map(|(index_bits, fields)| Format { index_bits, fields })
}

/// A format and a list that fits it.
fn any_list() -> impl Strategy<Value = (Format, SynapseList)> {
    (any_format(), 0usize..200).prop_flat_map(|(format, n)| {
        let index = match format.index_bits {
            0 => Just((0..n as u32).collect()).boxed(),
            bits => proptest::collection::vec(0..1u32 << bits, n).boxed(),
        };
        let fields: Vec<_> = format
            .fields
            .iter()
            .map(|f| {
                let (lo, hi) = f.raw_range();
                proptest::collection::vec(lo..=hi, n)
            })
            .collect();
        (Just(format), (index, fields).prop_map(|(index, fields)| SynapseList { index, fields }))
    })
}

proptest! {
    #[test]
    fn a_packed_list_unpacks_to_itself((format, list) in any_list(), number in 0u8..16,
                                       before in 0usize..3, after in 0usize..3) {
        let n = list.index.len();
        let mut words = vec![u64::MAX; before];
        pack_row(&list, &format, number, &mut words).unwrap();
        prop_assert_eq!(words.len(), before + words_for(n, &format));
        words.resize(words.len() + after, u64::MAX);
        let read = unpack_row(&words, before as u32, n as u32, &format, number).unwrap();
        prop_assert_eq!(read, list);
    }

    #[test]
    fn a_list_packs_to_the_bits_of_its_definition((format, list) in any_list()) {
        // The layout once more, one bit at a time.
        let mut expected: Vec<u64> = Vec::new();
        for (b, block) in list.index.chunks(63).enumerate() {
            let mut bits: Vec<bool> = Vec::new();
            let mut push = |value: i64, width: u32| {
                bits.extend((0..width).map(|k| value >> k & 1 == 1));
            };
            push(5, 4);
            push(block.len() as i64, 6);
            for (k, &index) in block.iter().enumerate() {
                push(index.into(), format.index_bits.into());
                for (f, field) in format.fields.iter().enumerate() {
                    push(list.fields[f][b * 63 + k].into(), field.bits.into());
                }
            }
            expected.extend(bits.chunks(64).map(|word| {
                word.iter().enumerate().fold(0, |w, (k, &bit)| w | u64::from(bit) << k)
            }));
        }
        let mut words = Vec::new();
        pack_row(&list, &format, 5, &mut words).unwrap();
        prop_assert_eq!(words, expected);
    }

    #[test]
    fn random_words_are_a_list_or_an_error(words in proptest::collection::vec(any::<u64>(), 0..40),
                                           format in any_format(), first: u8, n: u8) {
        if let Ok(list) = unpack_row(&words, first.into(), n.into(), &format, 0) {
            prop_assert_eq!(list.index.len(), usize::from(n));
        }
    }
}

/// The published capacity of a core of 16,384 words, by format.
#[test]
fn the_capacity_of_a_core_is_the_published_one() {
    let capacity = |format: &Format| 16_384 / words_for(63, format) * 63;
    assert_eq!(capacity(&format(0, &[(1, false)])), 516_096);
    assert_eq!(capacity(&format(0, &[(8, true)])), 114_660);
    assert_eq!(capacity(&format(0, &[(8, true), (6, false)])), 73_710);
    assert_eq!(capacity(&format(10, &[(8, true)])), 57_330);
    assert_eq!(capacity(&format(10, &[(8, true), (6, false), (9, true)])), 31_248);
}

#[test]
fn a_value_that_does_not_fit_is_reported_with_field_value_and_range() {
    let f = format(0, &[(4, true), (4, false)]);
    let list = SynapseList { index: vec![0, 1], fields: vec![vec![-8, 7], vec![15, 16]] };
    let mut words = vec![1];
    let error = pack_row(&list, &f, 0, &mut words).unwrap_err();
    assert_eq!(error, PackError::Value { synapse: 1, field: 1, value: 16, lo: 0, hi: 15 });
    assert_eq!(error.to_string(), "synapse 1: 16 does not fit field 1, which holds 0 to 15");
    assert_eq!(words, [1]);
}

#[test]
fn lists_of_another_shape_are_refused() {
    let mut out = Vec::new();
    let dense = format(0, &[(4, false)]);
    let skip = SynapseList { index: vec![0, 2], fields: vec![vec![1, 1]] };
    let refused = pack_row(&skip, &dense, 0, &mut out);
    assert_eq!(refused, Err(PackError::NotDense { synapse: 1, index: 2 }));
    let wide = SynapseList { index: vec![64], fields: vec![vec![1]] };
    let refused = pack_row(&wide, &format(6, &[(4, false)]), 0, &mut out);
    assert_eq!(refused, Err(PackError::Index { synapse: 0, index: 64, bits: 6 }));
    let ragged = SynapseList { index: vec![0], fields: vec![vec![]] };
    assert!(matches!(pack_row(&ragged, &dense, 0, &mut out), Err(PackError::Shape { .. })));
    let missing = SynapseList { index: vec![0], fields: vec![] };
    assert!(matches!(pack_row(&missing, &dense, 0, &mut out), Err(PackError::Shape { .. })));
    for bad in [
        format(17, &[(4, true)]),
        format(0, &[]),
        format(0, &[(0, true)]),
        format(0, &[(17, true)]),
    ] {
        let list = SynapseList { index: vec![], fields: vec![vec![]; bad.fields.len()] };
        assert!(matches!(pack_row(&list, &bad, 0, &mut out), Err(PackError::Format { .. })));
    }
    let number = pack_row(&SynapseList::default(), &dense, 16, &mut out);
    assert!(matches!(number, Err(PackError::Format { number: 16, .. })));
}

#[test]
fn damaged_words_are_refused() {
    let f = format(0, &[(4, false)]);
    let list = SynapseList { index: vec![0, 1], fields: vec![vec![3, 4]] };
    let mut words = Vec::new();
    pack_row(&list, &f, 2, &mut words).unwrap();
    assert!(matches!(unpack_row(&words, 0, 2, &f, 3), Err(PackError::Header { format: 2, .. })));
    assert!(matches!(unpack_row(&words, 0, 1, &f, 2), Err(PackError::Header { count: 2, .. })));
    assert!(matches!(unpack_row(&words, 1, 2, &f, 2), Err(PackError::Bounds { .. })));
    assert!(matches!(unpack_row(&words, u32::MAX, u32::MAX, &f, 2), Err(PackError::Bounds { .. })));
    words[0] |= 1 << 18;
    assert_eq!(unpack_row(&words, 0, 2, &f, 2), Err(PackError::Padding { word: 0 }));
}
