//! The tiny networks against PyTorch's.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::generate::tests::run;
use crate::reference::{Golden, close, everywhere};

fn captioner(golden: &Golden, device: &Device) -> BlipCaptioner {
    let config = BlipConfig::from_json(&golden.config()).unwrap();
    BlipCaptioner::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap()
}

fn settings(golden: &Golden, beams: usize) -> Settings {
    let max_length = golden.value("max_length").as_u64().unwrap() as usize;
    Settings { max_length, beams, output_logits: true, ..Settings::default() }
}

#[test]
fn captions_are_those_of_transformers() {
    let golden = Golden::read("blip_caption");
    everywhere(|device, bound| {
        let network = captioner(&golden, device);
        let pixels = golden.pictures();
        golden.check("image_states", network.image_states(&pixels), bound);
        for (name, prefix) in [("", vec![]), ("prefixed_", golden.tokens("prefix"))] {
            let (greedy, steps) = run(network.caption(&pixels, &prefix, &settings(&golden, 1)).unwrap());
            assert_eq!(greedy, golden.sentences(&format!("{name}greedy")), "{name}");
            golden.check_steps(&format!("{name}logits"), &greedy, 1 + prefix.len(), &steps, bound);
            let (beam, _) = run(network.caption(&pixels, &prefix, &settings(&golden, 3)).unwrap());
            assert_eq!(beam, golden.sentences(&format!("{name}beam")), "{name}");
        }
    });
}

#[test]
fn a_batch_is_its_pictures() {
    let golden = Golden::read("blip_caption");
    let network = captioner(&golden, &Device::flex());
    let (pixels, settings) = (golden.pictures(), settings(&golden, 3));
    let (all, _) = run(network.caption(&pixels, &[], &settings).unwrap());
    for (picture, expected) in pixels.chunks(pixels.len() / all.len()).zip(&all) {
        let (alone, _) = run(network.caption(picture, &[], &settings).unwrap());
        assert_eq!(alone, std::slice::from_ref(expected));
    }
}

#[test]
fn tied_weights_are_those_twice() {
    let golden = Golden::read("blip_caption");
    let config = BlipConfig::from_json(&golden.config()).unwrap();
    let head = "text_decoder.cls.predictions.decoder.weight";
    let table = "text_decoder.bert.embeddings.word_embeddings.weight";
    let (size, width) = (config.text_config.vocab_size, config.text_config.hidden_size);
    let captions = |twice: bool| {
        let mut checkpoint = golden.checkpoint();
        let values = checkpoint.take(head, &[size, width]).unwrap();
        checkpoint.take(table, &[size, width]).unwrap();
        let tensor = crate::checkpoint::NamedTensor { shape: vec![size, width], values };
        checkpoint.insert(table.to_owned(), tensor.clone());
        if twice {
            checkpoint.insert(head.to_owned(), tensor);
        }
        let network = BlipCaptioner::load(&config, &golden.preprocessing(), checkpoint, &Device::flex()).unwrap();
        run(network.caption(&golden.pictures(), &[], &settings(&golden, 1)).unwrap())
    };
    let ((once, logits), (twice, expected)) = (captions(false), captions(true));
    assert_eq!(once, twice);
    close("tied", &logits, &expected, 1e-6);
    assert_ne!(once, golden.sentences("greedy"), "other words are read");
}

#[test]
fn answers_are_those_of_transformers() {
    let golden = Golden::read("blip_vqa");
    let config = BlipConfig::from_json(&golden.config()).unwrap();
    let questions = golden.sentences("questions");
    let questions: Vec<&[u32]> = questions.iter().map(Vec::as_slice).collect();
    everywhere(|device, bound| {
        let network = BlipAnswerer::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap();
        let pixels = golden.pictures();
        let states = Golden::rows(network.question_states(&pixels, &questions));
        let longest = states.len() / questions.len();
        let whole = questions.iter().enumerate().flat_map(|(i, q)| states[i * longest..][..q.len()].to_vec());
        golden.check_rows("question_states", &whole.collect::<Vec<_>>(), bound);
        for (name, beams) in [("greedy", 1), ("beam", 3)] {
            let (answers, _) = run(network.answer(&pixels, &questions, &settings(&golden, beams)).unwrap());
            assert_eq!(answers, golden.sentences(name));
        }
    });
}

#[test]
fn unsupported_values_and_wrong_keys_are_named() {
    let golden = Golden::read("blip_caption");
    let config = BlipConfig::from_json(&golden.config()).unwrap();
    let load = |config: &BlipConfig, checkpoint| {
        let device = Device::flex();
        BlipCaptioner::load(config, &golden.preprocessing(), checkpoint, &device).map(|_| ()).unwrap_err().to_string()
    };
    let mut odd = config.clone();
    odd.text_config.position_embedding_type = "relative_key".to_owned();
    assert!(load(&odd, golden.checkpoint()).contains("`text_config.position_embedding_type` is relative_key"));
    let mut wide = config.clone();
    wide.text_config.encoder_hidden_size = 32;
    assert!(load(&wide, golden.checkpoint()).contains("`text_config.encoder_hidden_size` is 32"));
    let mut checkpoint = golden.checkpoint();
    checkpoint.insert("text_encoder.x".into(), crate::checkpoint::NamedTensor { shape: vec![1], values: vec![0.0] });
    assert!(load(&config, checkpoint).contains("does not know: text_encoder.x"));
    let mut checkpoint = golden.checkpoint();
    checkpoint.take("text_decoder.cls.predictions.bias", &[50]).unwrap();
    assert!(load(&config, checkpoint).contains("no tensor `text_decoder.cls.predictions.bias`"));
}
