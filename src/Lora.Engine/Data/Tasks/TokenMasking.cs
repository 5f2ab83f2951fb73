using Lora.Text;

namespace Lora.Data;

/// <summary>
/// Hides tokens that are then predicted (BERT, arXiv 1810.04805): of those that may be, each with a probability of 15 %; of the chosen 80 % become the
/// mask token, 10 % any token, and 10 % stay. A row of which none was chosen has one, drawn among all, as no row is to be without a use.
/// </summary>
/// <param name="mask">The mask token's id.</param>
/// <param name="vocabulary">Ids that any token may be.</param>
internal sealed class TokenMasking(int mask, int vocabulary)
{
    private const double Chosen = 0.15;
    private const double Masked = 0.8;
    private const double Any = 0.9;

    // As BERT's and RoBERTa's tokenizers call it, for folders that do not say.
    private static readonly string[] MaskNames = ["[MASK]", "<mask>"];

    /// <summary>The masking of a tokenizer's tokens.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="vocabulary">Rows of the model's embedding; null for as many as the tokenizer has tokens.</param>
    /// <exception cref="LoraException"><see cref="LoraError.MaskTokenMissing"/>.</exception>
    public static TokenMasking Of(Tokenizer tokenizer, int? vocabulary)
    {
        string folder = Path.GetDirectoryName(tokenizer.Path)!;
        int mask = SpecialTokenNames.Find(folder, "mask_token", tokenizer.IdOf) ?? MaskNames.Select(tokenizer.IdOf).FirstOrDefault(id => id is not null)
            ?? throw LoraException.Of(LoraError.MaskTokenMissing, folder, folder);
        return new(mask, Math.Min(tokenizer.VocabularySize, vocabulary ?? int.MaxValue));
    }

    /// <summary>The example with tokens hidden; labels are left where they are.</summary>
    /// <param name="example">One whose every label may be predicted.</param>
    /// <param name="key">What is drawn hangs on it alone.</param>
    public TrainingExample Apply(TrainingExample example, ulong key)
    {
        SplitMix64 random = new(key);
        int[] ids = [.. example.Ids];
        int[] labels = [.. Enumerable.Repeat(TrainingExample.Unsupervised, ids.Length)];
        int[] places = [.. Enumerable.Range(0, ids.Length).Where(place => example.Labels[place] != TrainingExample.Unsupervised)];
        int[] chosen = [.. places.Where(_ => Share(random) < Chosen)];
        foreach (int place in chosen.Length > 0 || places.Length == 0 ? chosen : [places[random.Next(places.Length)]])
        {
            labels[place] = ids[place];
            double share = Share(random);
            ids[place] = share < Masked ? mask : share < Any ? random.Next(vocabulary) : ids[place];
        }

        return example with { Ids = ids, Labels = labels };
    }

    /// <summary>From 0 up to, but without, 1: 53 bits, as many as a double has.</summary>
    private static double Share(SplitMix64 random) => (random.Next() >> 11) * (1.0 / (1UL << 53));
}
