using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Lora.Checkpoints;

namespace Lora.Tests.Quantization;

/// <summary>The example model with random matrices in its blocks: once quantised and once as the numbers that those codes stand for.</summary>
internal sealed class QuantizedCopy : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <param name="form">One of <see cref="StoredExamples.Names"/>, or a part of the blocks' matrices.</param>
    /// <param name="isQuantized">Which matrices are quantised; null for all of the blocks.</param>
    public QuantizedCopy(string form, Func<string, bool>? isQuantized = null)
    {
        string source = Path.Combine(Repository.Root, "examples", "model");
        List<TensorData> quantized = [];
        List<TensorData> plain = [];
        foreach ((int number, TensorData tensor) in SafetensorsFile.ReadAll(Path.Combine(source, "model.safetensors")).Index())
        {
            if (tensor.Shape.Length == 2 && tensor.Name.Contains(".layers.", StringComparison.Ordinal) && isQuantized?.Invoke(tensor.Name) != false)
            {
                ((string Name, TensorDataType Type, long[] Shape, Array Values)[] parts, double[] values) = StoredExamples.Of(form, (int)tensor.Shape[0], (int)tensor.Shape[1], number * 10);
                quantized.AddRange(parts.Select(part => new TensorData(tensor.Name[..^"weight".Length] + part.Name, part.Type, part.Shape, StoredCase.Bytes(part.Values))));
                plain.Add(tensor with { Bytes = MemoryMarshal.AsBytes(values.Select(value => (float)value).ToArray().AsSpan()).ToArray() });
            }
            else
            {
                quantized.Add(tensor);
                plain.Add(tensor);
            }
        }

        Write(Quantized, quantized, JsonNode.Parse(StoredExamples.Config(form)));
        Write(Plain, plain, null);

        void Write(string model, List<TensorData> tensors, JsonNode? quantization)
        {
            Directory.CreateDirectory(model);
            foreach (string file in Directory.GetFiles(source).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
            {
                File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
            }

            JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!;
            config["quantization_config"] = quantization;
            File.WriteAllText(Path.Combine(model, "config.json"), config.ToJsonString());
            SafetensorsWriter.Write(Path.Combine(model, "model.safetensors"), tensors);
        }
    }

    /// <summary>The folder of the quantised model.</summary>
    public string Quantized => folder.File("quantized");

    /// <summary>The folder of the model of numbers.</summary>
    public string Plain => folder.File("plain");

    public void Dispose() => folder.Dispose();
}
