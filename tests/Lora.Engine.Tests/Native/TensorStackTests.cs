using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

public class TensorStackTests
{
    [Fact]
    public void Tensors_lie_beside_each_other_and_a_step_of_the_same_shapes_finds_the_same_ones()
    {
        using TensorStack stack = new(CPU);
        stack.Reserve(4096);
        Tensor first = stack.Take(ScalarType.Float32, 3, 5);
        Tensor second = stack.Take(ScalarType.Int64, 7);
        first.copy_(tensor(1.5));
        second.copy_(tensor(9L));

        Assert.Equal(22.5, first.sum().ToDouble());
        Assert.Equal(63, second.sum().ToDouble());
        Assert.Equal(64 + 64, stack.Top.Used);
        stack.EndStep();
        Assert.Same(first, stack.Take(ScalarType.Float32, 3, 5));
        Assert.Same(second, stack.Take(ScalarType.Int64, 7));
        Assert.Equal(0, stack.Overflow);
    }

    [Fact]
    public void A_tensor_of_another_shape_at_the_same_place_is_another_one()
    {
        using TensorStack stack = new(CPU);
        stack.Reserve(4096);
        Tensor[] taken = [Take([6]), Take([1, 6]), Take([2, 3]), Take([1, 2, 3])];

        Assert.Equal(4, taken.Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.Equal([[6], [1, 6], [2, 3], [1, 2, 3]], taken.Select(tensor => tensor.shape));

        Tensor Take(long[] shape)
        {
            using TensorStack.Pass pass = stack.Begin();
            return stack.Take(ScalarType.Float32, shape);
        }
    }

    [Fact]
    public void What_finds_no_room_gets_memory_of_its_own_until_it_is_let_go()
    {
        using TensorStack stack = new(CPU);
        stack.Reserve(0);
        Tensor large = stack.Take(ScalarType.Float32, 1 << 20);
        TensorStack.Mark mark = stack.Top;
        Tensor larger = stack.Take(ScalarType.Float32, 2 << 20);
        large.copy_(tensor(1.0));
        larger.copy_(tensor(2.0));
        stack.Release(mark);

        Assert.Equal(2, stack.Overflow);
        Assert.True(larger.IsInvalid);
        Assert.Equal(1 << 20, large.sum().ToDouble());
        stack.EndStep();
        Assert.True(large.IsInvalid);
    }

    [Fact]
    public void What_a_step_did_not_take_is_disposed_of_at_its_end()
    {
        using TensorStack stack = new(CPU);
        stack.Reserve(4096);
        Tensor old = stack.Take(ScalarType.Float32, 10);
        stack.EndStep();
        Tensor other = stack.Take(ScalarType.Float32, 11);
        stack.EndStep();

        Assert.True(old.IsInvalid);
        Assert.False(other.IsInvalid);
    }
}
