using System.Reflection;
using Lora.Kernels;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>Slices against the whole, by the same kernels; a step by slices is held against autograd in FusedStepTests.</summary>
public class SlicedKernelsTests
{
    [Theory]
    [InlineData(20000)] // two groups at a time would be more
    [InlineData(40000)]
    [InlineData(1)]
    public void A_4_bit_matrix_has_the_same_values(long values)
    {
        using DisposeScope scope = NewDisposeScope();
        using FourBitMatrix matrix = Nf4Quantizer.Quantize(randn([301, 203], dtype: ScalarType.Float32, device: CPU), ScalarType.Float32); // the last block is not full
        Tensor whole = zeros(matrix.Shape, dtype: ScalarType.Float32, device: CPU);
        Tensor sliced = zeros_like(whole);

        new TorchKernels().Dequantize(matrix, whole);
        new SlicedKernels(new TorchKernels(), values).Dequantize(matrix, sliced);

        Assert.True(sliced.Equals(whole));
    }

    [Fact]
    public void A_step_of_AdamW_is_the_same()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] whole = [.. Enumerable.Range(0, 4).Select(_ => rand([1001], dtype: ScalarType.Float32, device: CPU))];
        Tensor[] sliced = [.. whole.Select(tensor => tensor.clone())];
        AdamStep step = new(0.99, 0.9, 0.999, 1e-3, 0.5, 1e-8);

        new TorchKernels().Adam(whole[0], whole[1], whole[2], whole[3], step);
        new SlicedKernels(new TorchKernels(), 100).Adam(sliced[0], sliced[1], sliced[2], sliced[3], step);

        // torch's Windows build rounds the last values of a row, which fill no vector, otherwise: by one unit in the last place.
        double tolerance = OperatingSystem.IsWindows() ? 1e-6 : 0;
        Assert.All(whole.Zip(sliced), pair => Assert.InRange(Closeness.Largest(pair.Second, pair.First), 0, tolerance));
    }

    [Fact]
    public void Dropout_draws_the_same_again_and_not_the_same_in_each_slice()
    {
        using DisposeScope scope = NewDisposeScope();
        SlicedKernels kernels = new(new TorchKernels(), values: 1000);
        Tensor x = ones([20, 100], dtype: ScalarType.Float32, device: CPU);
        Tensor y = empty_like(x);
        Tensor again = empty_like(x);
        kernels.Drop(x, 0.5, seed: 7, y);
        kernels.Drop(x, 0.5, seed: 7, again);

        Assert.True(again.Equals(y));
        Assert.False(y.narrow(0, 0, 10).Equals(y.narrow(0, 10, 10)));
        Assert.Equal(1, y.mean().ToDouble(), 0.12); // four standard deviations of 2,000 draws: 0.09
    }

    [Fact]
    public void No_more_values_are_handed_on_at_a_time_than_were_asked_for_and_none_is_left_out()
    {
        using DisposeScope scope = NewDisposeScope();
        IKernels recorder = DispatchProxy.Create<IKernels, Recorder>();
        SlicedKernels kernels = new(recorder, values: 100);
        Tensor gateUp = randn([10, 30], device: CPU);

        kernels.GateForward(GateActivation.Silu, gateUp, zeros([10, 15], device: CPU));
        kernels.SoftmaxForward(randn([2, 6, 8], device: CPU), new AttentionTile(0, 3, 0, 8, 8), 1); // two heads a group, three queries each
        kernels.CrossEntropy(randn([3, 101], device: CPU), zeros([3], dtype: ScalarType.Int64, device: CPU), 1); // a row is more, and goes alone

        Assert.Equal([90, 90, 90, 30, 96, 101, 101, 101], ((Recorder)recorder).Values);
        Assert.Equal(100 * 12 * 4, kernels.Workspace);
    }

    /// <summary>Kernels that do nothing but note how many values their first tensor has.</summary>
    public class Recorder : DispatchProxy
    {
        internal List<long> Values { get; } = [];

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            Values.Add(args!.OfType<Tensor>().First().numel());
            return targetMethod!.ReturnType == typeof(double) ? 0.0 : null;
        }
    }
}
