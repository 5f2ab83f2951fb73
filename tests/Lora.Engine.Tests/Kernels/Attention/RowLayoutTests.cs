using Lora.Kernels;

namespace Lora.Tests.Kernels;

/// <summary>Documents in rows as long as the longest.</summary>
public class RowLayoutTests
{
    [Theory]
    [InlineData(new[] { 512 }, 1, 512)]
    [InlineData(new[] { 513 }, 1, 520)]
    [InlineData(new[] { 512, 512, 512, 512 }, 4, 512)]
    [InlineData(new[] { 10, 300, 100, 180, 5 }, 2, 304)]
    [InlineData(new[] { 1, 1, 1, 8, 8 }, 3, 8)]
    [InlineData(new[] { 6, 2, 6, 2, 6, 2 }, 3, 8)]
    public void Short_documents_share_a_row(int[] lengths, int rows, int columns)
    {
        RowLayout layout = new(lengths);

        Assert.Equal((rows, columns), (layout.Rows, layout.Columns));
    }

    [Fact]
    public void Every_document_has_a_stretch_of_its_own()
    {
        int[] lengths = [.. Enumerable.Range(0, 200).Select(index => 1 + (index * 37 % 97))];
        RowLayout layout = new(lengths);

        (int, int)[] places =
        [
            .. from found in layout.Places.Zip(lengths)
               from token in Enumerable.Range(0, found.Second)
               select (found.First.Row, found.First.Column + token),
        ];

        Assert.Equal(lengths.Sum(), places.Distinct().Count());
        Assert.All(places, place => Assert.True(place.Item1 < layout.Rows && place.Item2 < layout.Columns));
        Assert.InRange(layout.Rows * layout.Columns, lengths.Sum(), lengths.Sum() * 1.1); // hardly a gap
    }
}
