using Lora.Data;

namespace Lora.Tests.Data;

public class TokenMaskingTests
{
    private const int Mask = 4;
    private const int Vocabulary = 1000;

    private static readonly TokenMasking Masking = new(Mask, Vocabulary);

    [Fact]
    public void Fifteen_percent_are_chosen_of_which_eight_tenths_become_the_mask_and_a_tenth_stays()
    {
        const int Rows = 400;
        const int Tokens = 100;
        int[] ids = [.. Enumerable.Range(100, Tokens)];
        int chosen = 0, masked = 0, kept = 0;
        for (int row = 0; row < Rows; row++)
        {
            TrainingExample hidden = Masking.Apply(new(ids, ids, 1) { Place = LabelPlace.Own }, (ulong)row);
            int[] places = [.. Enumerable.Range(0, Tokens).Where(place => hidden.Labels[place] != TrainingExample.Unsupervised)];
            chosen += places.Length;
            masked += places.Count(place => hidden.Ids[place] == Mask);
            kept += places.Count(place => hidden.Ids[place] == ids[place]);
            Assert.All(places, place => Assert.Equal(ids[place], hidden.Labels[place]));
            Assert.All(Enumerable.Range(0, Tokens).Except(places), place => Assert.Equal(ids[place], hidden.Ids[place]));
        }

        // Of 40,000 draws; five deviations of a share of 15 % are 0.9 %, of a tenth of 6,000 2 %.
        Assert.InRange(chosen / (double)(Rows * Tokens), 0.141, 0.159);
        Assert.InRange(masked / (double)chosen, 0.77, 0.83);
        Assert.InRange(kept / (double)chosen, 0.08, 0.12);
    }

    [Fact]
    public void What_is_drawn_hangs_on_the_key_alone_and_a_row_is_never_without_a_hidden_token()
    {
        TrainingExample row = new([2, 10, 11, 3], [-100, 10, 11, -100], 1) { Place = LabelPlace.Own };

        TrainingExample[] hidden = [.. Enumerable.Range(0, 200).Select(key => Masking.Apply(row, (ulong)key))];

        Assert.All(hidden, example => Assert.InRange(example.TargetCount, 1, 2));
        Assert.All(hidden, example => Assert.Equal((2, 3, -100, -100), (example.Ids[0], example.Ids[3], example.Labels[0], example.Labels[3])));
        Assert.Equal(hidden[7].Ids, Masking.Apply(row, 7).Ids);
        Assert.True(hidden.Select(example => string.Join(' ', example.Ids)).Distinct().Count() > 3);
    }
}
