//! The kernel proper, taken out of the bzImage around it: a machine without KVM would spend
//! seconds on unpacking it. See the kernel's Documentation/arch/x86/boot.rst.

use super::unpack;

/// The ELF kernel in a bzImage; None when it is no such image or cannot be unpacked here, and then
/// the image itself serves.
pub fn extract(image: &[u8]) -> Option<Vec<u8>> {
    let elf = unpack::by_magic(payload(image)?).ok()??;
    elf.starts_with(b"\x7fELF").then_some(elf)
}

/// `setup_sects` at 0x1f1 says how long the real-mode code is (0 means 4, the boot sector comes on
/// top), `payload_offset` at 0x248 counts from its end, `payload_length` follows.
fn payload(image: &[u8]) -> Option<&[u8]> {
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let number = |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?));
    let sectors = match image[0x1f1] {
        0 => 4,
        n => usize::from(n),
    };
    let start = (sectors + 1) * 512 + number(0x248)? as usize;
    image.get(start..start.checked_add(number(0x24c)? as usize)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_where_the_header_says() {
        let mut image = vec![0; 3000];
        image[0x1f1] = 3;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248] = 10;
        image[0x24c] = 4;
        image[2058..2062].copy_from_slice(b"abcd");
        assert_eq!(payload(&image), Some(&b"abcd"[..]));
        image[0x24d] = 0xff;
        assert_eq!(payload(&image), None);
        assert_eq!(payload(b"\x7fELF"), None);
    }
}
