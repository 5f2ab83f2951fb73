namespace Lora;

/// <summary>How TIES finds the sign that most adapters have at a place.</summary>
public enum MajoritySign
{
    /// <summary>The sign of the sum.</summary>
    Total,

    /// <summary>The sign that occurs more often.</summary>
    Frequency,
}
