using Lora.Kernels;
using Lora.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The two forms of experts, of the same weights.</summary>
public class ExpertsTests
{
    private const int Count = 4;
    private const int Hidden = 6;
    private const int Inner = 5;

    // The third expert has no token.
    private static readonly long[] Counts = [3, 1, 0, 2];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Stacks_give_what_separate_experts_give_and_the_same_gradients(bool hasInputsFirst)
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        using SeparateExperts separate = new(new(Count, new GatedMlpShape(Hidden, Inner) { Activation = GateActivation.Silu }), new(new DrawnWeights(1), "", buffer));
        Dictionary<string, Parameter> layers = separate.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        using StackedExperts stacked = new(new(Count, Hidden, Inner) { HasInputsFirst = hasInputsFirst }, new(new Stacks(layers, hasInputsFirst), "", buffer));
        foreach (Parameter parameter in separate.parameters().Concat(stacked.parameters()))
        {
            parameter.requires_grad = true;
        }

        Tensor one = randn([Counts.Sum(), Hidden], generator: new Generator(2, CPU)).requires_grad_();
        Tensor other = one.detach().clone().requires_grad_();
        Tensor gradient = randn([Counts.Sum(), Hidden], generator: new Generator(3, CPU));
        Tensor expected = separate.call(one, tensor(Counts));
        Tensor actual = stacked.call(other, tensor(Counts));
        expected.backward([gradient]);
        actual.backward([gradient]);

        Assert.InRange(Closeness.Largest(actual, expected), 0, 1e-6);
        Assert.InRange(Closeness.Largest(other.grad!, one.grad!), 0, 1e-6);
        Dictionary<string, Parameter> stacks = stacked.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        Assert.Equal(["gate_up_proj", "down_proj"], stacks.Keys);
        foreach (string name in new[] { "gate_up_proj", "down_proj" })
        {
            Tensor found = hasInputsFirst ? stacks[name].grad!.transpose(1, 2) : stacks[name].grad!; // [experts, out, in]
            Assert.InRange(Closeness.Largest(found, ExpertStacks.Of(name, Count, layer => layers[layer].grad ?? zeros_like(layers[layer]))), 0, 1e-6);
        }
    }

    [Fact]
    public void An_expert_without_tokens_is_not_called()
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        using SeparateExperts experts = new(new(Count, new GatedMlpShape(Hidden, Inner)), new(new DrawnWeights(1), "", buffer));
        HashSet<string> called = [];
        foreach ((string name, nn.Module module) in experts.named_modules())
        {
            (module as Linear)?.register_forward_hook((_, _, output) =>
            {
                called.Add(name);
                return output;
            });
        }

        experts.call(randn([Counts.Sum(), Hidden]), tensor(Counts));

        Assert.Equal(["0", "1", "3"], called.Select(name => name.Split('.')[0]).Distinct().Order());
        Assert.Equal(3 * 3, called.Count);
    }

    /// <summary>The matrices of separate experts in stacks.</summary>
    private sealed class Stacks(IReadOnlyDictionary<string, Parameter> layers, bool hasInputsFirst) : IWeightSource
    {
        public bool Has(string name) => true;

        public Tensor Take(string name, params ReadOnlySpan<long> shape)
        {
            Tensor stack = ExpertStacks.Of(name, Count, layer => layers[layer]);
            return (hasInputsFirst ? stack.transpose(1, 2).contiguous() : stack).detach();
        }
    }
}
