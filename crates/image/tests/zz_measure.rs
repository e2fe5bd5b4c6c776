mod common;
#[test]
fn measure() {
    let shape = common::Shape { n_in: 784, hidden: vec![100; 8], n_out: 10, dense: true, seed: 1 };
    let image = common::image(&shape);
    let t = std::time::Instant::now();
    let bytes = trifactor_image::elf::write(&image).unwrap();
    let w = t.elapsed();
    let t = std::time::Instant::now();
    let back = trifactor_image::elf::read(&bytes).unwrap();
    let r = t.elapsed();
    assert!(back == image);
    let t = std::time::Instant::now();
    trifactor_image::validate(&image).unwrap();
    let n: u32 = image.map.projections.iter().map(|p| p.n_synapses).sum();
    println!("{} bytes {n} synapses write {w:?} read {r:?} validate {:?}", bytes.len(), t.elapsed());
    let small = trifactor_image::elf::write(&common::short_image(&common::Shape::small())).unwrap();
    println!("damage test file {} bytes", small.len());
}
