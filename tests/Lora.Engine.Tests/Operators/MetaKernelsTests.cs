using Lora.Native;
using Lora.Tests.Training;
using Lora.Tools.Operators;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Operators;

/// <summary>Shapes on META of operators that only cards have, and the ways by which they are called.</summary>
[Collection(nameof(DevicePurityTests))]
public class MetaKernelsTests
{
    private readonly Tensor heads = empty([1, 100, 4, 16], dtype: ScalarType.BFloat16, device: META);
    private readonly Tensor ends = empty([4], dtype: ScalarType.Int32, device: META);

    public MetaKernelsTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    [Theory]
    [InlineData(null)]
    [InlineData(7)]
    public void Efficient_attention_is_one_operator_with_the_statistics_of_each_document_in_whole_blocks(int? window)
    {
        using DisposeScope scope = NewDisposeScope();
        List<(Tensor Mixed, Tensor Sums, Tensor Seed, Tensor Offset)> results = [];

        LaunchedOperator launched = Assert.Single(OperatorCounter.During(() => results.Add(EfficientAttentionCall.Forward(heads, heads, heads, ends, 70, 0.25, window))));
        (Tensor Mixed, Tensor Sums, Tensor Seed, Tensor Offset) found = results[0];

        Assert.Equal("aten::_efficient_attention_forward", launched.Name);
        Assert.Equal(heads.shape, found.Mixed.shape);
        Assert.Equal(ScalarType.BFloat16, found.Mixed.dtype);
        Assert.Equal([3, 4, 96], found.Sums.shape);
        Assert.Equal(ScalarType.Float32, found.Sums.dtype);
        Assert.Equal((0, 0), (found.Seed.dim(), found.Offset.dim()));
    }

    [Fact]
    public void Its_backward_pass_is_one_operator_too()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor key = empty([1, 100, 4, 16], dtype: ScalarType.BFloat16, device: META);
        Tensor sums = empty([3, 4, 96], device: META);
        Tensor number = empty([], dtype: ScalarType.Int64, device: META);

        LaunchedOperator launched = Assert.Single(OperatorCounter.During(() => Dispatcher.Call(
            "aten::_efficient_attention_backward",
            "",
            heads,
            heads,
            key,
            key,
            OperatorArgument.None,
            heads,
            OperatorArgument.Some(ends),
            OperatorArgument.Some(ends),
            70L,
            70L,
            sums,
            0.0,
            number,
            number,
            1L,
            false,
            OperatorArgument.Some(0.25),
            OperatorArgument.None,
            OperatorArgument.None,
            false)));

        Assert.Equal([.. Enumerable.Repeat(heads.shape, 3), [0]], launched.Outputs.Select(output => output.Shape));
    }

    [Fact]
    public void The_gradient_of_a_norm_is_one_operator()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([5, 8], dtype: ScalarType.BFloat16, device: META);
        Tensor scale = empty([5, 1], device: META);

        LaunchedOperator launched = Assert.Single(OperatorCounter.During(() => Dispatcher.Call(
            "aten::_fused_rms_norm_backward", "", x, x, OperatorArgument.List(8L), scale, OperatorArgument.None, OperatorArgument.List(true, false))));

        Assert.Equal([5, 8], launched.Outputs[0].Shape);
    }

    [Fact]
    public void Rows_that_are_picked_have_the_shape_of_the_picks()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([5, 8], dtype: ScalarType.BFloat16, device: META);
        Tensor index = empty([3], dtype: ScalarType.Int64, device: META);
        Tensor[] found = [];

        string[] names = [.. OperatorCounter.During(() => found = [x.index_select(0, index), x.index_select(-1, index)]).Select(launched => launched.Name)];

        Assert.Equal(["aten::index_select", "aten::index_select"], names);
        Assert.Equal([[3, 8], [5, 3]], found.Select(tensor => tensor.shape));
    }

    [Fact]
    public void The_C_interface_cannot_hand_back_results_of_several_types()
    {
        // The reason why the forward pass is called by TorchScript. When this no longer fails, libtorch has been mended.
        using DisposeScope scope = NewDisposeScope();
        Assert.Throws<OperatorFailedException>(() => OperatorCounter.During(() => Dispatcher.Call(
            "aten::_efficient_attention_forward",
            "",
            heads,
            heads,
            heads,
            OperatorArgument.None,
            OperatorArgument.Some(ends),
            OperatorArgument.Some(ends),
            OperatorArgument.Some(70L),
            OperatorArgument.Some(70L),
            0.0,
            1L,
            true,
            OperatorArgument.None,
            OperatorArgument.None,
            OperatorArgument.None)));
    }

    [Fact]
    public void A_call_lets_go_of_what_it_was_given()
    {
        OperatorCounter.During(() => { }); // brings the kernels of META, whichever test is the first
        long before = Tensor.TotalCount;
        for (int call = 0; call < 20; call++)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor x = empty([1, 100, 4, 16], device: META);
            EfficientAttentionCall.Forward(x, x, x, empty([4], dtype: ScalarType.Int32, device: META), 70, 0.25, 5);
        }

        // Tests beside this one make tensors too; what is lost of each call would be at least six.
        Assert.InRange(Tensor.TotalCount - before, long.MinValue, 100);
    }
}
