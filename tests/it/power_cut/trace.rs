//! The record of the shim, and the files that a power cut could leave.

use crate::power_cut::Random;

/// A write or sync of a file.
#[derive(Debug)]
pub enum FileCall {
    Write { at: usize, data: Vec<u8> },
    Truncate(usize),
    Sync,
}

/// A recorded call, on the database (0) or its WAL (1), and where its record ends in the trace.
#[derive(Debug)]
pub struct Record {
    pub file: usize,
    pub call: FileCall,
    pub end: u64,
}

/// Reads the shim's records; a process that was killed may have left a part of the last one.
pub fn read(trace: &[u8]) -> Vec<Record> {
    let (mut records, mut rest) = (Vec::new(), trace);
    while let Some((head, tail)) = rest.split_first_chunk::<18>() {
        let number = |at: usize| usize::try_from(u64::from_ne_bytes(head[at..at + 8].try_into().unwrap())).unwrap();
        let (offset, length) = (number(2), number(10));
        let Some((data, tail)) = tail.split_at_checked(if head[0] == b'w' { length } else { 0 }) else { break };
        let call = match head[0] {
            b'w' => FileCall::Write { at: offset, data: data.to_vec() },
            b't' => FileCall::Truncate(offset),
            b's' => FileCall::Sync,
            what => panic!("{what} is no record"),
        };
        rest = tail;
        let end = u64::try_from(trace.len() - rest.len()).unwrap();
        records.push(Record { file: usize::from(head[1]), call, end });
    }
    records
}

/// A sector: what a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The files as the disk surely has them, and what it may have.
#[derive(Default)]
pub struct Disk<'a> {
    sure: [Vec<u8>; 2],
    maybe: [Vec<&'a FileCall>; 2],
}

impl<'a> Disk<'a> {
    /// The next record.
    pub fn take(&mut self, record: &'a Record) {
        let (sure, maybe) = (&mut self.sure[record.file], &mut self.maybe[record.file]);
        match &record.call {
            FileCall::Sync => maybe.drain(..).for_each(|call| whole(sure, call)),
            call => maybe.push(call),
        }
    }

    /// The number of writes that are not synced yet.
    pub fn unsynced(&self) -> usize {
        self.maybe.iter().map(Vec::len).sum()
    }

    /// Files after a power cut: none of the unsynced writes, all, those before some instant with the last one torn, any
    /// of them, or any of their sectors, in any order.
    pub fn cut(&self, random: &mut Random) -> [Vec<u8>; 2] {
        let how = random.below(5);
        [0, 1].map(|file| {
            let mut left = self.sure[file].clone();
            let maybe = &self.maybe[file];
            let until = random.below(maybe.len() + 1);
            for (place, call) in maybe.iter().enumerate() {
                match how {
                    0 => {}
                    1 => whole(&mut left, call),
                    2 if place < until => whole(&mut left, call),
                    2 if place == until => torn(&mut left, call, &mut |sector, cut| sector < cut, random),
                    2 => {}
                    3 if random.below(2) == 0 => whole(&mut left, call),
                    3 => {}
                    _ => {
                        let mut dice = Random(random.next());
                        torn(&mut left, call, &mut |_, _| dice.below(2) == 0, random);
                    }
                }
            }
            left
        })
    }
}

fn whole(file: &mut Vec<u8>, call: &FileCall) {
    match call {
        FileCall::Write { at, data } => put(file, *at, data),
        FileCall::Truncate(length) => file.resize(*length, 0),
        FileCall::Sync => {}
    }
}

fn put(file: &mut Vec<u8>, at: usize, data: &[u8]) {
    if file.len() < at + data.len() {
        file.resize(at + data.len(), 0);
    }
    file[at..at + data.len()].copy_from_slice(data);
}

/// Some sectors of a write, by their number and a random cut.
fn torn(file: &mut Vec<u8>, call: &FileCall, keeps: &mut dyn FnMut(usize, usize) -> bool, random: &mut Random) {
    match call {
        FileCall::Write { at, data } => {
            let cut = random.below(data.len() / SECTOR + 2);
            // A sector is one of the file's, wherever in it the write begins.
            let (mut from, mut sector) = (*at, 0);
            while from < at + data.len() {
                let to = ((from / SECTOR + 1) * SECTOR).min(at + data.len());
                if keeps(sector, cut) {
                    put(file, from, &data[from - at..to - at]);
                }
                (from, sector) = (to, sector + 1);
            }
        }
        call if keeps(0, 1) => whole(file, call),
        _ => {}
    }
}

#[test]
fn a_power_cut_keeps_synced_bytes_and_any_part_of_the_rest() {
    let write = |at: usize, byte: u8| FileCall::Write { at, data: vec![byte; 1024] };
    let calls = [write(0, 1), FileCall::Sync, write(512, 2), FileCall::Truncate(100)];
    let records: Vec<Record> = calls.into_iter().map(|call| Record { file: 1, call, end: 0 }).collect();
    let mut disk = Disk::default();
    records.iter().for_each(|record| disk.take(record));
    assert_eq!(disk.unsynced(), 2);
    let mut seen = std::collections::BTreeSet::new();
    let mut random = Random(7);
    for _ in 0..500 {
        let [database, wal] = disk.cut(&mut random);
        assert!(database.is_empty() && wal[..100].iter().all(|byte| *byte == 1));
        seen.insert((wal.len(), wal.get(600).copied(), wal.get(1_200).copied()));
    }
    // Nothing of it; the write; half of it, either half; the truncation.
    for state in [(1024, Some(1), None), (1536, Some(2), Some(2)), (1024, Some(2), None), (1536, Some(1), Some(2))] {
        assert!(seen.contains(&state), "{state:?} of {seen:?}");
    }
    assert!(seen.contains(&(100, None, None)));
}
