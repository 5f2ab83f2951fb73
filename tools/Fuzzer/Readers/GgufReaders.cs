using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;

namespace Lora.Tools.Fuzzer;

/// <summary>A GGUF file: its metadata, its table of tensors, their values; and an adapter in that form.</summary>
internal static class GgufReaders
{
    private const string Name = "model.gguf";

    public static IReadOnlyList<Reader> All { get; } = [new("gguf", 80, Whole), new("gguf-adapter", 60, Adapter)];

    private static OpenReader Whole(string folder)
    {
        string file = Path.Combine(folder, Name);
        byte[] values = new byte[4096];
        GgufWriter.Write(
            file,
            [
                new("general.architecture", GgufValue.Of("llama")), new("llama.block_count", GgufValue.Of(2u)), new("llama.rope.freq_base", GgufValue.Of(10_000f)),
                new("tokenizer.ggml.tokens", GgufValue.OfArray(Enumerable.Range(0, 50).Select(id => $"token{id}"))),
                new("tokenizer.ggml.token_type", GgufValue.OfArray(Enumerable.Repeat(1, 50))), new("tokenizer.ggml.add_bos_token", GgufValue.Of(true)),
            ],
            [new("token_embd.weight", GgufTensorType.F32, [4, 32]), new("blk.0.attn_q.weight", GgufTensorType.Q8_0, [4, 32]), new("output_norm.weight", GgufTensorType.F32, [32])],
            (tensor, stream) => stream.Write(values.AsSpan(0, (int)tensor.Length)));
        byte[] whole = File.ReadAllBytes(file);
        int headerEnd = (int)GgufHeader.Read(file).Tensors[0].Offset;
        return new(random => new(Name, ByteDamage.Apply(whole, random, random.Next(4) == 0 ? 0 : headerEnd)), _ =>
        {
            GgufHeader header = GgufHeader.Read(file);
            foreach (GgufTensor tensor in header.Tensors)
            {
                header.ReadTensor(tensor);
            }
        });
    }

    private static OpenReader Adapter(string folder)
    {
        string file = Path.Combine(folder, Name), model = RealFiles.Family("llama3");
        GgufAdapter.Save(AdapterFolder.Load(Path.Combine(model, "adapter")), model, file, overwrite: true);
        byte[] whole = File.ReadAllBytes(file);
        int headerEnd = (int)GgufHeader.Read(file).Tensors[0].Offset;
        return new(random => new(Name, ByteDamage.Apply(whole, random, random.Next(4) == 0 ? 0 : headerEnd)), _ =>
        {
            if (AdapterFile.FormatOf(file) is not null)
            {
                AdapterFile.Describe(file, withNorms: true);
                AdapterFile.Load(file);
            }
        });
    }
}
