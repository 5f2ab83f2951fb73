using Lora.Data;

namespace Lora.Tests.Data;

public class BatchTests
{
    [Fact]
    public void Shorter_examples_are_padded_at_the_right_and_the_padding_is_not_learned()
    {
        // The padding id is the end token of both examples, which stays supervised where it is real.
        Batch batch = Batch.Of([new([5, 6, 2], [-100, 6, 2], 1), new([7, 2], [7, 2], 2)], padId: 2);

        Assert.Equal(2, batch.Rows);
        Assert.Equal(3, batch.Length);
        Assert.Equal([3, 2], batch.Lengths);
        Assert.Equal([5, 6, 2, 7, 2, 2], batch.InputIds);
        Assert.Equal([-100, 6, 2, 7, 2, -100], batch.Labels);
    }

    [Fact]
    public void A_label_at_the_first_position_is_no_target()
    {
        TrainingExample example = new([7, 2, 3], [7, -100, 3], 1);
        Assert.Equal(1, example.TargetCount);
        Assert.Equal(2, Batch.Of([example, example], padId: 0).TargetCount);
    }

    [Fact]
    public void An_empty_batch_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => Batch.Of([], padId: 0));
}
