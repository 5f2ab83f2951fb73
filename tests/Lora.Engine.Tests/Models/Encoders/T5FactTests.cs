using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>What T5 1.1 (Flan-T5) has and 1.0 has not, of which there is no reference run: the weights of the run of 1.0, with gates and a head beside them.</summary>
public sealed class T5FactTests : IDisposable
{
    private const string Mlp = "encoder.block.0.layer.1";
    private const double Tolerance = 1e-5; // float32 against float64

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Version_1_1_has_a_gate_of_GELU_s_tanh_form_and_a_head_of_its_own_of_unscaled_states()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Dictionary<string, Tensor> stored = Write();
        using TaskModel model = ModelLoader.Load(TaskReader.Read(files.Path, taskType: null), files.Path, CPU, ScalarType.Float32);
        Dictionary<string, nn.Module> modules = model.named_modules().ToDictionary(entry => entry.name, entry => entry.module);
        Tensor normed = zeros(0), inner = zeros(0), hidden = zeros(0);
        Watch($"{Mlp}.layer_norm", (_, output) => normed = output);
        Watch($"{Mlp}.DenseReluDense.wo", (input, _) => inner = input);
        Watch("decoder.final_layer_norm", (_, output) => hidden = output);

        Tensor logits = model.call(new GoldenTensors(Path.Combine(Repository.Shared("families", "t5"), "data.safetensors"))["input_ids"]);

        Tensor wi = stored[$"{Mlp}.DenseReluDense.wi.weight"], table = stored["shared.weight"];
        double[] gate = Product(normed, wi), up = Product(normed, wi.flip(0));
        Near([.. gate.Zip(up, (g, u) => PlainMath.TanhGelu(g) * u)], inner);
        Near(Product(hidden, table.flip(0)), logits);

        void Watch(string name, Action<Tensor, Tensor> take) => ((nn.Module<Tensor, Tensor>)modules[name]).register_forward_hook((_, input, output) =>
        {
            take(input, output);
            return output;
        });
    }

    /// <summary>A model of version 1.1 whose second matrices, and whose head, are the first and the table with their rows the other way about.</summary>
    private Dictionary<string, Tensor> Write()
    {
        string source = Repository.Shared("families", "t5");
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["feed_forward_proj"] = "gated-gelu";
        config["tie_word_embeddings"] = false;
        files.Write("config.json", config.ToJsonString());
        Dictionary<string, Tensor> stored = SafetensorsFile.ReadAll(Path.Combine(source, "model.safetensors")).ToDictionary(tensor => tensor.Name, AdapterTensors.Read);
        SafetensorsWriter.Write(files.File("model.safetensors"),
        [
            .. stored.Select(tensor => AdapterTensors.Copy(tensor.Key.Replace(".wi.", ".wi_0.", StringComparison.Ordinal), tensor.Value)),
            .. stored.Where(tensor => tensor.Key.Contains(".wi.", StringComparison.Ordinal)).Select(tensor => AdapterTensors.Copy(tensor.Key.Replace(".wi.", ".wi_1.", StringComparison.Ordinal), tensor.Value.flip(0))),
            AdapterTensors.Copy("lm_head.weight", stored["shared.weight"].flip(0)),
        ]);
        return stored;
    }

    private static double[] Product(Tensor input, Tensor weight) => input.to(ScalarType.Float64).matmul(weight.to(ScalarType.Float64).t()).contiguous().data<double>().ToArray();

    private static void Near(double[] expected, Tensor actual)
    {
        double largest = actual.contiguous().data<float>().ToArray().Zip(expected, (one, other) => Math.Abs(one - other)).Max();
        Assert.Equal(expected.Length, actual.NumberOfElements);
        Assert.InRange(largest / expected.Max(Math.Abs), 0, Tolerance);
    }
}
