//! Pictures: rectangles of one stage, recomputed from Q, K and the rows' log-sum-exp band by band, and pooled into pixels on the GPU.

use std::ops::Range;

use super::cut::Piece;
use super::error::GpuError;
use super::job::MOST_JOBS;
use super::kernel::Kernel;
use super::memory::{MOST_BYTES, bytes_of, floats};
use super::recorder::Recorder;
use super::session::{GpuSession, groups, real};
use crate::engine::item::{Map, MapRequest, Pool, StageTimes, TimedStage};
use crate::experiment::{Stage, message};

/// Rows of a picture that one submission computes; where its pixels begin among the outputs, in pairs.
struct Band<'a> {
    request: &'a MapRequest,
    rows: Range<usize>,
    pixels: usize,
}

/// Pairs of pixels of a picture; each line begins with a new one.
fn pairs(request: &MapRequest) -> usize {
    request.width.div_ceil(2) * request.height
}

impl GpuSession {
    /// A picture, and the time it took on the GPU.
    ///
    /// # Errors
    /// As [`GpuSession::maps`].
    pub async fn map(&mut self, request: &MapRequest) -> Result<(Map, StageTimes), GpuError> {
        let mut maps = self.maps(std::slice::from_ref(request)).await?;
        maps.pop().ok_or_else(|| GpuError::unreadable("no picture"))
    }

    /// Pictures in the order of the requests, each with the time it took on the GPU. Small ones that follow each other go into common
    /// submissions of about 50 ms each, with one way back for all; their time is told with the first of them. The log-sum-exp of rows that
    /// no run has computed yet is computed first.
    ///
    /// # Errors
    /// [`GpuError::Invalid`] for cells that are not there and for pictures without pixels, before anything is computed; else what the GPU
    /// says.
    pub async fn maps(&mut self, requests: &[MapRequest]) -> Result<Vec<(Map, StageTimes)>, GpuError> {
        for request in requests {
            self.check(request)?;
        }
        let lines: Vec<Option<Vec<MapRequest>>> = requests.iter().map(MapRequest::lines).collect();
        if lines.iter().all(Option::is_none) {
            return self.pictures(requests).await;
        }
        // Each line of a sample is a picture of its own; those of one row go into common submissions like any small ones.
        let each: Vec<MapRequest> = requests
            .iter()
            .zip(&lines)
            .flat_map(|(request, lines)| lines.clone().unwrap_or_else(|| vec![request.clone()]))
            .collect();
        let mut drawn = self.pictures(&each).await?.into_iter();
        let together = |(request, lines): (&MapRequest, &Option<Vec<MapRequest>>)| {
            let (mut values, mut times) = (Vec::new(), StageTimes::default());
            for (map, took) in drawn.by_ref().take(lines.as_ref().map_or(1, Vec::len)) {
                values.extend(map.values);
                times.merge(&took);
            }
            (Map { request: request.clone(), values }, times)
        };
        Ok(requests.iter().zip(&lines).map(together).collect())
    }

    /// The same for requests that were checked and are no samples.
    async fn pictures(&mut self, requests: &[MapRequest]) -> Result<Vec<(Map, StageTimes)>, GpuError> {
        let mut all = Vec::with_capacity(requests.len());
        while all.len() < requests.len() {
            let rest = &requests[all.len()..];
            let group = &rest[..self.together_in_pictures(rest)];
            let mut times = self.complete(group).await?;
            let (pixels, painted) = self.paint(group).await?;
            times.merge(&painted);
            let mut at = 0;
            for (i, request) in group.iter().enumerate() {
                let end = at + 4 * pairs(request);
                let values = shown(request, pixels.get(at..end).unwrap_or_default());
                all.push((
                    Map { request: request.clone(), values },
                    if i == 0 { times } else { StageTimes::default() },
                ));
                at = end;
            }
        }
        Ok(all)
    }

    /// How many of the first pictures one submission may hold. One at least: a large one takes several.
    fn together_in_pictures(&self, requests: &[MapRequest]) -> usize {
        let dims = self.plan.dims;
        let Some(first) = requests.first() else { return 0 };
        let shard = self.shard_of(self.unit(first));
        let (mut work, mut bytes) = (0.0, 0);
        let fits = requests.iter().take(MOST_JOBS as usize).take_while(|request| {
            let (rows, keys) = (request.q.len(), request.k.len());
            work += (rows * keys * dims.d) as f64;
            // Pixels, statistics and mask bits lie side by side; cells are used again by the next picture.
            bytes += 16 * pairs(request) + rows * (16 + 4 * dims.n_k.div_ceil(32));
            let small = work <= self.cut.work() && bytes as u64 <= MOST_BYTES / 2;
            small && rows <= self.band(request) && self.shard_of(self.unit(request)) == shard
        });
        fits.count().max(1)
    }

    /// Rows of a picture that one submission takes.
    fn band(&self, request: &MapRequest) -> usize {
        let dims = self.plan.dims;
        let bytes = 4 * request.k.len().next_multiple_of(4).max(dims.n_k.div_ceil(32));
        self.cut.band((request.k.len() * dims.d) as f64, bytes)
    }

    pub(super) fn unit(&self, request: &MapRequest) -> usize {
        request.batch * self.plan.dims.q_heads + request.head
    }

    /// Pixels of pictures of one shard as (value, count), each picture's after the other's: several pictures at once, or one in bands.
    async fn paint(&mut self, requests: &[MapRequest]) -> Result<(Vec<f32>, StageTimes), GpuError> {
        let total = requests.iter().map(pairs).sum();
        if let [request] = requests {
            let (mut times, mut pixels, band) = (StageTimes::default(), Vec::new(), self.band(request));
            let mut q = request.q.start;
            while q < request.q.end {
                let rows = q..(q + band).min(request.q.end);
                q = rows.end;
                let part = self.submit(&[Band { request, rows, pixels: 0 }], total).await?;
                pixels = part.0;
                times.merge(&part.1);
            }
            return Ok((pixels, times));
        }
        let mut pixels = 0;
        let bands: Vec<Band<'_>> = requests
            .iter()
            .map(|request| {
                let band = Band { request, rows: request.q.clone(), pixels };
                pixels += pairs(request);
                band
            })
            .collect();
        self.submit(&bands, total).await
    }

    /// One submission. The outputs of `total` pairs are cleared by the first band of a picture and read with the last one.
    async fn submit(&mut self, bands: &[Band<'_>], total: usize) -> Result<(Vec<f32>, StageTimes), GpuError> {
        let Some(first) = bands.first() else { return Ok(Default::default()) };
        let shard = self.shard_of(self.unit(first.request));
        let prepared = self.prepared;
        let (mut jobs, mut bits, mut lse) = (Vec::new(), Vec::new(), Vec::new());
        let (mut lines, mut cells, mut pools) = (0, 0, Vec::new());
        for Band { request, rows, pixels } in bands {
            let unit = self.unit(request);
            let piece = Piece { shard, units: unit..unit + 1, q: rows.clone() };
            let mut job = self.numbers(&piece);
            job.bits += bits.len() as u32;
            bits.extend(self.bits(&piece));
            (job.k, job.keys) = (request.k.start as u32, request.k.len() as u32);
            job.stride = job.keys.next_multiple_of(4);
            (job.width, job.height) = (request.width as u32, request.height as u32);
            (job.shown, job.before) = (request.q.len() as u32, (rows.start - request.q.start) as u32);
            (job.pixels, job.lines) = (*pixels as u32, lines as u32);
            jobs.push(job.stages(Stage::Raw, request.stage));
            let known = &self.lse[unit * self.plan.dims.n_q..][rows.clone()];
            // −∞ belongs to rows without a cell to weigh; where the normaliser has no sum, nothing is known and nothing read.
            lse.extend(known.iter().flat_map(|&lse| [if lse.is_finite() { lse } else { 0.0 }, 0.0, 0.0, 0.0]));
            lines += rows.len();
            cells = cells.max(4 * u64::from(job.stride) * rows.len() as u64);
            let (hides, mean) = (request.stage >= Stage::Masked, request.pool == Pool::Mean);
            pools.push(self.compiled(Kernel::Pool { hides, mean }).await?);
        }
        let kernel = self.compiled(Kernel::Cells).await?;
        let pixels = 16 * total as u64;
        self.send_tiles(shard, &bits).await?;
        self.scratch.room(&self.gpu, pixels, 16 * lines as u64, cells, 0).await?;
        if bands.iter().any(|band| band.request.stage == Stage::Weights) {
            self.gpu.queue.write_buffer(&self.scratch.statistics, 0, &bytes_of(&lse, f32::to_le_bytes));
        }
        let (gpu, scratch) = (&self.gpu, &self.scratch);
        let group = scratch.bind(gpu, &self.shards[shard], &jobs);
        let mut recorder = Recorder::new(gpu);
        if first.rows.start == first.request.q.start {
            recorder.clear(&scratch.outputs, pixels);
        }
        for (i, (Band { request, rows, .. }, pool)) in bands.iter().zip(&pools).enumerate() {
            let at = [groups(request.k.len(), 64), groups(rows.len(), 64), 1];
            recorder.pass(TimedStage::Picture, &kernel, &group, i, at);
            let at = [groups(request.width.div_ceil(2), 64), request.height as u32, 1];
            recorder.pass(TimedStage::Picture, pool, &group, i, at);
        }
        if first.rows.end == first.request.q.end {
            recorder.read(&scratch.outputs, pixels);
        }
        let mut recorded = recorder.finish(self.clock).await?;
        // Masks evaluated here for a picture are part of its time, not of the next run's.
        recorded.times.add(TimedStage::Picture, self.prepared - prepared);
        self.prepared = prepared;
        Ok((recorded.read.first().map(|bytes| floats(bytes)).unwrap_or_default(), recorded.times))
    }

    fn check(&self, request: &MapRequest) -> Result<(), GpuError> {
        let dims = self.plan.dims;
        let within = |range: &std::ops::Range<usize>, n: usize| range.start < range.end && range.end <= n;
        let there = within(&request.q, dims.n_q)
            && within(&request.k, dims.n_k)
            && request.batch < dims.batch
            && request.head < dims.q_heads;
        let sized = request.width > 0
            && request.height > 0
            && request.height <= super::cut::MOST_GROUPS
            && request.width.div_ceil(2).saturating_mul(request.height) as u64 <= MOST_BYTES / 16;
        if there && sized {
            return Ok(());
        }
        Err(GpuError::Invalid(message!("there is no such picture: {request:?}", "没有这样的图：{request:?}")))
    }
}

/// The pixels of a picture from (value, count) of each, in pairs, of which an odd line leaves half of the last one unused.
fn shown(request: &MapRequest, pairs: &[f32]) -> Vec<f32> {
    let line = 4 * request.width.div_ceil(2);
    let lines = pairs.chunks_exact(line).map(|line| &line[..2 * request.width]);
    let pixels = lines.flat_map(|line| line.chunks_exact(2));
    pixels.map(|pixel| merged(pixel[0], pixel[1], request.pool == Pool::Mean)).collect()
}

/// A pixel from the sum (or the cell of largest size) and the number of its cells.
fn merged(value: f32, count: f32, mean: bool) -> f32 {
    match real(value) {
        _ if count == 0.0 => f32::NAN,
        f32::NEG_INFINITY => f32::NEG_INFINITY,
        value if mean => value / count,
        value => value,
    }
}
