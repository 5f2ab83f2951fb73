using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>
/// A copy of a model whose MLPs hardly add anything. llama.cpp's GELU on a CPU is a table of half-precision numbers (GGML_GELU_FP16), of the tanh form; in such a copy
/// everything else can be held closer than that.
/// </summary>
internal static class QuietMlps
{
    private const float Quiet = 1e-3f;

    private static readonly string[] Last = ["mlp.down_proj.", "mlp.c_proj.", "mlp.dense_4h_to_h.", "DenseReluDense.wo."];

    /// <summary>Writes the copy, and gives its folder.</summary>
    public static string Write(string model, TemporaryFolder files)
    {
        string quiet = Directory.CreateDirectory(files.File("quiet")).FullName;
        File.Copy(Path.Combine(model, "config.json"), Path.Combine(quiet, "config.json"));
        SafetensorsWriter.Write(Path.Combine(quiet, "model.safetensors"), [.. SafetensorsFile.ReadAll(Path.Combine(model, "model.safetensors")).Select(Quieted)]);
        return quiet;
    }

    // Gemma 2 and 3 have a norm by 1 + weight of what the MLP gives.
    private static TensorData Quieted(TensorData tensor) => tensor.Name.Contains("post_feedforward_layernorm.", StringComparison.Ordinal)
        ? AdapterTensors.Copy(tensor.Name, Arithmetic.Full([.. tensor.Shape], Quiet - 1, ScalarType.Float32, CPU))
        : IsLast(tensor.Name) ? AdapterTensors.Copy(tensor.Name, AdapterTensors.Read(tensor).Times(Quiet)) : tensor;

    private static bool IsLast(string name) => Last.Any(role => name.Contains(role, StringComparison.Ordinal))
        || (name.Contains(".output.dense.", StringComparison.Ordinal) && !name.Contains(".attention.", StringComparison.Ordinal)); // BERT's
}
