using Lora.Data;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>What the reference run of a mixture of experts has beside a decoder's: the loss of the routers.</summary>
public class MixtureGoldenTests
{
    private const double Tolerance = 1e-5; // run.json's, of losses
    private const double LogitTolerance = 3e-5; // run.json's

    [Theory]
    [InlineData("")]
    [InlineData("masked.")]
    public void The_logits_and_the_loss_of_routers_are_the_reference_s_and_the_loss_leaves_padding_out(string prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Repository.Fixture("families", "qwen3_moe");
        GoldenTensors data = new(Path.Combine(folder, "data.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        Batch batch = Batch(data, prefix);

        RouterBalance balance = RouterBalance.Of(0.001, batch, CPU)!;
        List<Tensor> logits = []; // each [tokens, experts]
        foreach (nn.Module<Tensor, Tensor> router in model.named_modules().Where(entry => entry.name.EndsWith(".mlp.gate", StringComparison.Ordinal)).Select(entry => (nn.Module<Tensor, Tensor>)entry.module))
        {
            router.register_forward_hook((_, _, output) =>
            {
                logits.Add(output.clone());
                return output;
            });
        }

        using (no_grad())
        {
            model.Hidden(data[prefix + "input_ids"], balance);
        }

        Assert.Equal(3, logits.Count);
        Assert.All(logits, (found, layer) => Assert.InRange(Closeness.Largest(found * Kept(data, prefix), data[$"{prefix}router_logits.{layer}"] * Kept(data, prefix)), 0, LogitTolerance));
        Assert.InRange(Math.Abs(balance.Loss()!.ToDouble() - data[prefix + "aux_loss"].ToDouble()), 0, Tolerance);
    }

    [Theory]
    [InlineData("")]
    [InlineData("masked.")]
    public void A_step_adds_the_loss_of_routers_where_the_configuration_asks_for_it(string prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors data = new(Path.Combine(Repository.Fixture("families", "qwen3_moe"), "data.safetensors"));
        using CausalLanguageModel model = ChangedModel.Load("qwen3_moe", ScalarType.Float32, ("output_router_logits", "true"));
        model.parameters().First().requires_grad = true; // without anything that is trained there is nothing to differentiate
        Batch batch = Batch(data, prefix);
        SupervisedRows rows = SupervisedRows.Of(batch);
        using ReferenceStep step = new(model);

        double loss = step.AddGradients(batch, rows, 1.0 / rows.Count);

        Assert.InRange(Math.Abs(loss - data[prefix + "loss_with_aux"].ToDouble()), 0, Tolerance);
    }

    /// <summary>1 for tokens and 0 for padding, which holds what nobody asks for, [tokens, 1].</summary>
    private static Tensor Kept(GoldenTensors data, string prefix) =>
        prefix.Length == 0 ? ones([data["input_ids"].NumberOfElements, 1]) : data[prefix + "attention_mask"].view(-1, 1);

    /// <summary>The rows without their padding, which the batch adds itself.</summary>
    private static Batch Batch(GoldenTensors data, string prefix)
    {
        Tensor ids = data[prefix + "input_ids"];
        Tensor labels = data[prefix + "labels"];
        return Lora.Data.Batch.Of([.. Enumerable.Range(0, (int)ids.shape[0]).Select(row =>
        {
            int length = prefix.Length == 0 ? (int)ids.shape[1] : (int)data[prefix + "attention_mask"][row].sum().ToInt64();
            return new TrainingExample(Row(ids, row, length), Row(labels, row, length), row + 1);
        })], padId: 0);
    }

    private static int[] Row(Tensor values, int row, int length) => [.. values[row].data<long>().Take(length).Select(value => (int)value)];
}
