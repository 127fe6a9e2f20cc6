#![allow(clippy::unwrap_used)]
use super::*;

fn digits() -> Array2<f32> {
    let bytes = include_bytes!("../../../tests/golden/project/digits.u8");
    Array2::from_shape_vec((1797, 64), bytes.iter().map(|&b| f32::from(b)).collect()).unwrap()
}

fn few_digits(n: usize) -> Array2<f32> {
    digits().slice(ndarray::s![..n, ..]).to_owned()
}

fn short(repulsion: Repulsion) -> TsneParams {
    TsneParams { early_exaggeration_iter: 40, n_iter: 60, repulsion, ..TsneParams::default() }
}

fn finish(mut tsne: Tsne) -> Tsne {
    while tsne.step() != Step::Done {}
    tsne
}

fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn gradient_is_a_quarter_of_the_derivative_of_the_divergence() {
    let mut tsne = Tsne::new(TsneParams::default(), few_digits(150).view()).unwrap();
    while tsne.affinities().is_none() {
        tsne.step();
    }
    let affinities = tsne.affinities().unwrap();
    let points: Vec<[f32; 2]> =
        (0..150).map(|i| [4.0 * (1.7 * i as f32).sin(), 3.0 * (0.9 * i as f32).cos()]).collect();
    let mut forces = vec![[0.0; 2]; 150];
    let z = ExactRepulsion::default().forces(&points, &mut forces);
    gradient(affinities, &points, 1.0, z, &mut forces);
    let largest = 4.0 * forces.as_flattened().iter().fold(0.0f32, |a, b| a.max(b.abs()));
    for (i, axis) in [(0, 0), (17, 1), (64, 0), (149, 1)] {
        let at = |shift: f32| {
            let mut points = Array2::from(points.clone());
            points[[i, axis]] += shift;
            (f64::from(points[[i, axis]]), kl_divergence(affinities, points.view()))
        };
        let ((low, kl_low), (high, kl_high)) = (at(-0.005), at(0.005));
        let slope = (kl_high - kl_low) / (high - low);
        let found = 4.0 * f64::from(forces[i][axis]);
        assert!((found - slope).abs() < 1e-3 * f64::from(largest), "{i} {axis}: {found} for {slope} of {largest}");
    }
}

#[test]
fn divergence_on_the_digits_is_as_low_as_that_of_opentsne() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/golden/project/golden.json")).unwrap();
    let runs = golden["opentsne_digits"].as_object().unwrap();
    let expected = runs.values().map(|run| run["kl"].as_f64().unwrap()).sum::<f64>() / runs.len() as f64;
    for repulsion in [Repulsion::Exact, Repulsion::Interpolated] {
        let params = TsneParams { repulsion, pca_dims: 64, ..TsneParams::default() };
        let found = finish(Tsne::new(params, digits().view()).unwrap()).kl_divergence().unwrap();
        println!("KL {found} ({repulsion:?}), openTSNE {expected}");
        assert!(found <= expected + 0.03, "{repulsion:?}: {found}, openTSNE {expected}");
        assert!(found > expected - 0.3, "{repulsion:?}: {found} is too good to be true, openTSNE {expected}");
    }
}

#[test]
fn a_resumed_run_is_bit_for_bit_the_uninterrupted_one() {
    for repulsion in [Repulsion::Exact, Repulsion::Interpolated] {
        let x = few_digits(400);
        let whole = finish(Tsne::new(short(repulsion), x.view()).unwrap());
        for stop in [0, 1, 39, 71, 100] {
            let mut first = Tsne::new(short(repulsion), x.view()).unwrap();
            while first.iteration() < stop {
                first.step();
            }
            let saved = serde_json::to_string(&first.state()).unwrap();
            let state = serde_json::from_str(&saved).unwrap();
            let resumed = finish(Tsne::resume(short(repulsion), x.view(), &state).unwrap());
            assert_eq!(resumed.output(), whole.output(), "{repulsion:?} from {stop}");
            assert_eq!(resumed.state(), whole.state(), "{repulsion:?} from {stop}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for repulsion in [Repulsion::Exact, Repulsion::Interpolated] {
        let x = few_digits(700);
        let run = || finish(Tsne::new(short(repulsion), x.view()).unwrap()).output().to_owned();
        assert_eq!(in_pool(1, run), in_pool(2, run), "{repulsion:?}");
    }
}

#[test]
fn few_rows_equal_rows_and_copies_of_rows_work() {
    let mut matrices: Vec<Array2<f32>> = [1, 2, 3, 4, 5, 10, 31, 90].map(few_digits).to_vec();
    matrices.push(Array2::from_elem((2, 3), 1.0));
    matrices.push(Array2::from_elem((70, 5), 1.0));
    matrices.push(Array2::from_shape_fn((200, 1), |(i, _)| (i / 100) as f32));
    matrices.push(Array2::from_shape_fn((120, 6), |(i, j)| ((i / 4) * (j + 1) % 7) as f32 * 1e6));
    matrices.push(Array2::from_shape_fn((50, 3), |(i, j)| ((i * 7 + j) % 11) as f32 * 1e-20));
    for x in matrices {
        for repulsion in [Repulsion::Exact, Repulsion::Interpolated] {
            let params = TsneParams { repulsion, ..TsneParams::default() };
            let tsne = finish(Tsne::new(params, x.view()).unwrap());
            let shape = x.dim();
            assert_eq!(tsne.output().dim(), (shape.0, 2));
            assert!(tsne.output().iter().all(|v| v.is_finite() && v.abs() < 1e5), "{shape:?} {repulsion:?}");
            if shape.0 > 1 {
                assert!(tsne.kl_divergence().unwrap().is_finite());
                let first = tsne.output().row(0).to_owned();
                assert!(tsne.output().rows().into_iter().any(|row| row != first), "{shape:?} {repulsion:?}");
            }
        }
    }
}

#[test]
fn progress_counts_up_to_the_total() {
    let mut tsne = Tsne::new(short(Repulsion::Auto), few_digits(100).view()).unwrap();
    assert!(tsne.affinities().is_none() && tsne.kl_divergence().is_none());
    let mut before = 0;
    while let Step::Running { done, total } = tsne.step() {
        assert_eq!((done, total), (before + 1, 101));
        before = done;
    }
    assert_eq!((before, tsne.iteration()), (100, 100));
    let output = tsne.output().to_owned();
    assert_eq!(tsne.step(), Step::Done);
    assert_eq!(tsne.output(), output);
}

#[test]
fn a_start_that_cannot_be_is_refused() {
    let x = few_digits(30);
    for params in [
        TsneParams { perplexity: 0.5, ..TsneParams::default() },
        TsneParams { early_exaggeration: f64::NAN, ..TsneParams::default() },
        TsneParams { learning_rate: Some(0.0), ..TsneParams::default() },
        TsneParams { final_momentum: 1.0, ..TsneParams::default() },
        TsneParams { pca_dims: 1, ..TsneParams::default() },
    ] {
        assert!(matches!(Tsne::new(params, x.view()), Err(ProjectError::Parameter { .. })));
    }
    let state = Tsne::new(short(Repulsion::Auto), few_digits(20).view()).unwrap().state();
    assert!(matches!(Tsne::resume(short(Repulsion::Auto), x.view(), &state), Err(ProjectError::State { .. })));
    let mut state = Tsne::new(short(Repulsion::Auto), x.view()).unwrap().state();
    state.iteration = 101;
    assert!(matches!(Tsne::resume(short(Repulsion::Auto), x.view(), &state), Err(ProjectError::State { .. })));
    (state.iteration, state.gains[7]) = (50, f32::INFINITY);
    let error = Tsne::resume(short(Repulsion::Auto), x.view(), &state).unwrap_err();
    assert_eq!(error, ProjectError::NotFinite { row: 3, column: 1 });
}
