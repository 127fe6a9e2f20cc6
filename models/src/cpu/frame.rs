//! How pictures lie in planes, with room for the padding of the convolution that reads them.

use std::ops::Range;

use super::lanes::Lanes;

/// Square pictures of one plane: one behind the other, line by line, each with `pad` pixels of zeros around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) side: usize,
    pub(crate) pad: usize,
}

/// Planes of framed pictures, `[planes][pictures][area][16]`.
#[derive(Clone, Copy)]
pub(crate) struct Framed<'a> {
    pub(crate) data: &'a [Lanes],
    pub(crate) frame: Frame,
    pub(crate) pictures: usize,
}

impl Frame {
    /// From one line to the next.
    pub(crate) fn pitch(self) -> usize {
        self.side + 2 * self.pad
    }

    /// From one picture to the next.
    pub(crate) fn area(self) -> usize {
        self.pitch() * self.pitch()
    }

    /// Where column `x` of `line` lies; lines are counted over all pictures.
    pub(crate) fn at(self, line: usize, x: usize) -> usize {
        self.line_at(line) * self.pitch() + self.pad + x
    }

    /// The same line, counted with the lines of the padding.
    pub(crate) fn line_at(self, line: usize) -> usize {
        line / self.side * self.pitch() + self.pad + line % self.side
    }

    /// Zeros around the pictures in a part of a plane that begins with line `first`, counted with the padding.
    pub(crate) fn clear_border(self, first: usize, part: &mut [Lanes]) {
        if self.pad == 0 {
            return;
        }
        for (line, pixels) in (first..).zip(part.chunks_exact_mut(self.pitch())) {
            if (self.pad..self.pad + self.side).contains(&(line % self.pitch())) {
                pixels[..self.pad].fill(Lanes::ZERO);
                pixels[self.pad + self.side..].fill(Lanes::ZERO);
            } else {
                pixels.fill(Lanes::ZERO);
            }
        }
    }
}

impl Framed<'_> {
    /// From one plane to the next.
    pub(crate) fn stride(&self) -> usize {
        self.pictures * self.frame.area()
    }
}

/// A share of the work on a frame: some lines of one or two planes.
pub(crate) struct Part {
    /// Of the pictures, counted over all of them.
    pub(crate) lines: Range<usize>,
    /// The line that its slices begin with, counted with the padding: the padding before the first line belongs to it.
    pub(crate) first: usize,
    /// The first of its planes.
    pub(crate) plane: usize,
}

impl Frame {
    /// Frames of `pictures` cut into bands of lines, and those into pairs of planes.
    pub(crate) fn parts(
        self,
        out: &mut [Lanes],
        pictures: usize,
        bands: Vec<Range<usize>>,
    ) -> Vec<(Part, Vec<&mut [Lanes]>)> {
        let starts = bands.iter().map(|band| if band.start == 0 { 0 } else { self.line_at(band.start) });
        let starts: Vec<usize> = starts.chain([pictures * self.pitch()]).collect();
        let sizes = starts.windows(2).map(|pair| (pair[1] - pair[0]) * self.pitch());
        let slices = split(out, pictures * self.area(), sizes);
        let mut parts = Vec::new();
        for ((lines, first), planes) in bands.into_iter().zip(starts).zip(slices) {
            let mut planes = planes.into_iter().enumerate();
            while let Some((plane, one)) = planes.next() {
                let both = std::iter::once(one).chain(planes.next().map(|(_, two)| two)).collect();
                parts.push((Part { lines: lines.clone(), first, plane }, both));
            }
        }
        parts
    }
}

/// Planes of `length` cut into parts of the given sizes: for each part, its slice of every plane.
pub(crate) fn split(planes: &mut [Lanes], length: usize, sizes: impl Iterator<Item = usize>) -> Vec<Vec<&mut [Lanes]>> {
    let sizes: Vec<usize> = sizes.collect();
    let mut parts: Vec<Vec<&mut [Lanes]>> = sizes.iter().map(|_| Vec::new()).collect();
    for plane in planes.chunks_exact_mut(length) {
        let mut rest = plane;
        for (part, &size) in parts.iter_mut().zip(&sizes) {
            let (head, tail) = rest.split_at_mut(size);
            part.push(head);
            rest = tail;
        }
    }
    parts
}
