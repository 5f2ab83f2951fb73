namespace Lora.Text;

/// <summary>Steps that each cut the parts of the step before.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override void Split(string piece, bool atStart, List<string> parts)
    {
        List<string> current = [piece];
        foreach (PreTokenizer step in steps)
        {
            List<string> next = new(current.Count);
            for (int index = 0; index < current.Count; index++)
            {
                step.Split(current[index], atStart && index == 0, next);
            }

            current = next;
        }

        parts.AddRange(current);
    }
}
