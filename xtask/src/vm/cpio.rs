//! The archive that a kernel unpacks as its first root directory: cpio in the format "newc". See
//! the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.

/// An archive in the making.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DEVICE: u32 = 0o020_666;

impl Archive {
    /// Adds a directory; those above it must be there already.
    pub fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY, (0, 0), &[]);
    }

    /// Adds an executable file.
    pub fn program(&mut self, name: &str, data: &[u8]) {
        self.entry(name, PROGRAM, (0, 0), data);
    }

    /// Adds a character device. A name in an archive is none on the host: this needs no root.
    pub fn device(&mut self, name: &str, major: u32, minor: u32) {
        self.entry(name, DEVICE, (major, minor), &[]);
    }

    /// Closes the archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    /// Thirteen numbers of eight hexadecimal digits, the name with its NUL, the data; name and data
    /// are filled up to a multiple of four. Always the same owner (root) and time (1970), so that
    /// the same files make the same archive.
    fn entry(&mut self, name: &str, mode: u32, (major, minor): (u32, u32), data: &[u8]) {
        self.entries += 1;
        let (size, name_size) = (data.len() as u32, name.len() as u32 + 1);
        let [inode, links] = [self.entries, 1];
        let head = [inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name_size, 0];
        self.bytes.extend(b"070701");
        head.iter().for_each(|number| self.bytes.extend(format!("{number:08x}").bytes()));
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.fill();
        self.bytes.extend(data);
        self.fill();
    }

    fn fill(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, mode, data, and the device's numbers.
    type Entry = (String, u32, Vec<u8>, (u32, u32));

    /// What an unpacker would see.
    fn entries(mut bytes: &[u8]) -> Vec<Entry> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(&bytes[..6], b"070701");
            let number = |n: usize| {
                let digits = std::str::from_utf8(&bytes[6 + 8 * n..14 + 8 * n]).unwrap();
                u32::from_str_radix(digits, 16).unwrap()
            };
            let (size, name_size) = (number(6) as usize, number(11) as usize);
            let name = String::from_utf8(bytes[110..109 + name_size].to_vec()).unwrap();
            let start = (110 + name_size).next_multiple_of(4);
            let data = bytes[start..start + size].to_vec();
            found.push((name, number(1), data, (number(9), number(10))));
            bytes = &bytes[(start + size).next_multiple_of(4)..];
        }
        found
    }

    #[test]
    fn an_archive_reads_back() {
        let mut archive = Archive::default();
        archive.directory("dev");
        archive.device("dev/console", 5, 1);
        archive.program("init", b"#!abc");
        let found = entries(&archive.finish());
        assert_eq!(found[0], ("dev".into(), 0o040_755, vec![], (0, 0)));
        assert_eq!(found[1], ("dev/console".into(), 0o020_666, vec![], (5, 1)));
        assert_eq!(found[2], ("init".into(), 0o100_755, b"#!abc".to_vec(), (0, 0)));
        assert_eq!(found[3].0, "TRAILER!!!");
        assert_eq!(found.len(), 4);
    }
}
