//! Colors and their contrast (WCAG 2), in integers.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

impl Color {
    pub const BLACK: Self = Self::rgb(0, 0, 0);
    pub const WHITE: Self = Self::rgb(255, 255, 255);

    #[must_use]
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Reads `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let good = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        if good { Some(Self::rgb(pair(0)?, pair(2)?, pair(4)?)) } else { None }
    }

    /// This color with `part` of 255 parts of another.
    #[must_use]
    pub fn mixed(self, other: Self, part: u8) -> Self {
        let mix = |own: u8, other: u8| {
            let sum = u32::from(own) * (255 - u32::from(part)) + u32::from(other) * u32::from(part);
            u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
        };
        Self::rgb(mix(self.red, other.red), mix(self.green, other.green), mix(self.blue, other.blue))
    }

    /// True if text in one of the two colors can be read on the other: a contrast of at least 4.5:1.
    #[must_use]
    pub fn is_readable_on(self, ground: Self) -> bool {
        self.has_contrast(ground, 45)
    }

    /// True if the contrast is at least `tenths` to 10.
    #[must_use]
    pub fn has_contrast(self, other: Self, tenths: u64) -> bool {
        let (one, two) = (self.luminance() + FLARE, other.luminance() + FLARE);
        one.max(two) * 10 >= one.min(two) * tenths
    }

    /// The relative luminance; white has 10,000,000,000.
    fn luminance(self) -> u64 {
        let linear = |channel: u8| u64::from(LINEAR[usize::from(channel)]);
        2_126 * linear(self.red) + 7_152 * linear(self.green) + 722 * linear(self.blue)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// WCAG's 0.05, in the scale of `luminance`.
const FLARE: u64 = 500_000_000;

/// The linear light of each sRGB value, in millionths.
#[rustfmt::skip]
const LINEAR: [u32; 256] = [
    0, 304, 607, 911, 1_214, 1_518, 1_821, 2_125, 2_428, 2_732, 3_035, 3_347, 3_677, 4_025, 4_391, 4_777, 5_182,
    5_605, 6_049, 6_512, 6_995, 7_499, 8_023, 8_568, 9_134, 9_721, 10_330, 10_960, 11_612, 12_286, 12_983, 13_702,
    14_444, 15_209, 15_996, 16_807, 17_642, 18_500, 19_382, 20_289, 21_219, 22_174, 23_153, 24_158, 25_187, 26_241,
    27_321, 28_426, 29_557, 30_713, 31_896, 33_105, 34_340, 35_601, 36_889, 38_204, 39_546, 40_915, 42_311, 43_735,
    45_186, 46_665, 48_172, 49_707, 51_269, 52_861, 54_480, 56_128, 57_805, 59_511, 61_246, 63_010, 64_803, 66_626,
    68_478, 70_360, 72_272, 74_214, 76_185, 78_187, 80_220, 82_283, 84_376, 86_500, 88_656, 90_842, 93_059, 95_307,
    97_587, 99_899, 102_242, 104_616, 107_023, 109_462, 111_932, 114_435, 116_971, 119_538, 122_139, 124_772,
    127_438, 130_136, 132_868, 135_633, 138_432, 141_263, 144_128, 147_027, 149_960, 152_926, 155_926, 158_961,
    162_029, 165_132, 168_269, 171_441, 174_647, 177_888, 181_164, 184_475, 187_821, 191_202, 194_618, 198_069,
    201_556, 205_079, 208_637, 212_231, 215_861, 219_526, 223_228, 226_966, 230_740, 234_551, 238_398, 242_281,
    246_201, 250_158, 254_152, 258_183, 262_251, 266_356, 270_498, 274_677, 278_894, 283_149, 287_441, 291_771,
    296_138, 300_544, 304_987, 309_469, 313_989, 318_547, 323_143, 327_778, 332_452, 337_164, 341_914, 346_704,
    351_533, 356_400, 361_307, 366_253, 371_238, 376_262, 381_326, 386_429, 391_572, 396_755, 401_978, 407_240,
    412_543, 417_885, 423_268, 428_690, 434_154, 439_657, 445_201, 450_786, 456_411, 462_077, 467_784, 473_531,
    479_320, 485_150, 491_021, 496_933, 502_886, 508_881, 514_918, 520_996, 527_115, 533_276, 539_479, 545_724,
    552_011, 558_340, 564_712, 571_125, 577_580, 584_078, 590_619, 597_202, 603_827, 610_496, 617_207, 623_960,
    630_757, 637_597, 644_480, 651_406, 658_375, 665_387, 672_443, 679_542, 686_685, 693_872, 701_102, 708_376,
    715_694, 723_055, 730_461, 737_910, 745_404, 752_942, 760_525, 768_151, 775_822, 783_538, 791_298, 799_103,
    806_952, 814_847, 822_786, 830_770, 838_799, 846_873, 854_993, 863_157, 871_367, 879_622, 887_923, 896_269,
    904_661, 913_099, 921_582, 930_111, 938_686, 947_307, 955_973, 964_686, 973_445, 982_251, 991_102, 1_000_000,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_a_number_sign_and_six_hex_digits() {
        assert_eq!(Color::parse("#2a4dD6"), Some(Color::rgb(0x2a, 0x4d, 0xd6)));
        assert_eq!(Color::parse("#2a4dd6").map(|color| color.to_string()).as_deref(), Some("#2a4dd6"));
        for wrong in
            ["", "#", "2a4dd6", "#2a4", "#2a4dd", "#2a4dd6f", "#2a4dd6ff", "#+a4dd6", "#gggggg", "blue", "#ééé"]
        {
            assert_eq!(Color::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let check = |one: &str, two: &str, tenths: u64, want: bool| {
            let (one, two) = (Color::parse(one).unwrap(), Color::parse(two).unwrap());
            assert_eq!((one.has_contrast(two, tenths), two.has_contrast(one, tenths)), (want, want), "{one} {two}");
        };
        check("#000000", "#ffffff", 210, true);
        check("#000000", "#ffffff", 211, false);
        check("#ffffff", "#ffffff", 10, true);
        check("#ffffff", "#ffffff", 11, false);
        // The known pair around 4.5:1 on white.
        check("#767676", "#ffffff", 45, true);
        check("#777777", "#ffffff", 45, false);
        // 5.25:1
        check("#ff0000", "#000000", 52, true);
        check("#ff0000", "#000000", 53, false);
    }

    #[test]
    fn a_mix_goes_from_one_color_to_the_other() {
        let (one, two) = (Color::rgb(10, 200, 0), Color::rgb(250, 100, 255));
        assert_eq!((one.mixed(two, 0), one.mixed(two, 255)), (one, two));
        assert_eq!(one.mixed(two, 128), Color::rgb(130, 150, 128));
    }
}
