using Lora.Adapters;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

public class DropoutTests
{
    [Fact]
    public void Seeds_of_another_device_come_again_from_the_run_s_seed_and_from_its_state_and_differ_for_other_seeds()
    {
        using Generator generator = new(1, CPU);
        Dropout first = new(0.1, generator, seed: 7) { IsTraining = true };
        Dropout again = new(0.1, generator, seed: 7) { IsTraining = true };
        Dropout other = new(0.1, generator, seed: 8) { IsTraining = true };
        ulong?[] begun = Drawn(first);
        byte[] state = new byte[8];
        first.WriteNext(state);
        ulong?[] expected = Drawn(first);
        Assert.Equal(begun, Drawn(again));
        Assert.Empty(Drawn(other).Intersect([.. begun, .. expected]));

        other.ReadNext(state);

        Assert.Equal(expected, Drawn(other));
        Assert.Equal(10, begun.Concat(expected).Distinct().Count());
    }

    [Fact]
    public void Draws_of_a_processor_are_the_generator_s_alone()
    {
        using Generator generator = new(1, CPU);
        Dropout dropout = new(0.1, generator, seed: null) { IsTraining = true };
        byte[] state = new byte[8];

        dropout.WriteNext(state);
        dropout.ReadNext([1, 2, 3, 4, 5, 6, 7, 8]);

        Assert.Equal(new byte[8], state);
        using Generator same = new(1, CPU);
        using Tensor expected = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64, device: CPU, generator: same);
        Assert.Equal((ulong)expected.item<long>(), dropout.DrawSeed());
    }

    private static ulong?[] Drawn(Dropout dropout) => [.. Enumerable.Range(0, 5).Select(_ => dropout.DrawSeed())];
}
